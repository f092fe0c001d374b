// `npm run docs:errors`: writes docs/errors.md from the catalogue in sdk/catalogue/, section by section.
'use strict';
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { ERROR_SECTIONS } = require('../dist/sdk/errors.js');

const HEAD = `# Errors

Every error of Jetplug has a stable code, so that it can be searched for and acted on by programs. It is printed with
what happened and where; with \`--json\` as \`{code, message, plugin?, file?, line?, hint?}\`. A code that is retired is
never used again.

This page is written by \`npm run docs:errors\` from the catalogue in [sdk/catalogue](../sdk/catalogue).
`;

const parts = Object.entries(ERROR_SECTIONS).flatMap(([name, errors]) => [
  `## ${name[0].toUpperCase()}${name.slice(1)}`,
  ...Object.entries(errors).map(
    ([code, [meaning, hint]]) => `### ${code}\n\n${inMarkdown(meaning)}\n\nHint: ${inMarkdown(hint)}`,
  ),
]);
writeFileSync(join(__dirname, 'errors.md'), `${HEAD}\n${parts.join('\n\n')}\n`);

function inMarkdown(text) {
  return text.replaceAll('<', '\\<');
}
