// `npm run docs:errors`: writes docs/errors.md from the catalogue in sdk/errors.ts, section by section.
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { ERRORS } = require('../dist/sdk/errors.js');

const HEAD = `# Errors

Every error of Jetplug has a stable code, so that it can be searched for and acted on by programs. It is printed with
what happened and where; with \`--json\` as \`{code, message, plugin?, file?, line?, hint?}\`. A code that is retired is
never used again.

This page is written by \`npm run docs:errors\` from the catalogue in [sdk/errors.ts](../sdk/errors.ts).
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
