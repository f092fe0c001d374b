// `npm run docs:errors`: writes docs/errors.md from the catalogue in sdk/errors.ts, section by section.
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { ERRORS } = require('../dist/sdk/errors.js');

const HEAD = `# Errors

Every error of Jetplug has a stable code, which people can search for and programs can act on. Commands print the code
with the message and the place of the error; with \`--json\` they print \`{code, message, plugin?, file?, line?, hint?}\`.
A retired code is never used again.

\`npm run docs:errors\` writes this page from the catalogue in [sdk/errors.ts](../sdk/errors.ts).
`;

/** The comments in the catalogue are its sections. */
const SECTION_OR_CODE = /^ {2}(?:\/\/ (?<section>.+)|(?<code>JP_\w+):.*)$/gm;

const source = readFileSync(join(__dirname, '..', 'sdk', 'errors.ts'), 'utf8');
const parts = [...source.matchAll(SECTION_OR_CODE)].map(({ groups }) => {
  if (groups.section) return `## ${groups.section[0].toUpperCase()}${groups.section.slice(1)}`;
  const [meaning, hint] = ERRORS[groups.code];
  return `### ${groups.code}\n\n${inMarkdown(meaning)}\n\nHint: ${inMarkdown(hint)}`;
});
writeFileSync(join(__dirname, 'errors.md'), `${HEAD}\n${parts.join('\n\n')}\n`);

function inMarkdown(text) {
  return text.replaceAll('<', '\\<');
}
