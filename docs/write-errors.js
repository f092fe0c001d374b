// `npm run docs:errors`: writes docs/errors.md from the catalogue in sdk/catalogue/, section by section.
'use strict';
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { ERROR_SECTIONS } = require('../dist/sdk/errors.js');

const HEAD = `# Errors

Every error of Jetplug has a stable code, which people can search for and programs can act on. Commands print the code
with the message and the place of the error; with \`--json\` they print \`{code, message, plugin?, file?, line?, hint?}\`.
A retired code is never used again.

\`npm run docs:errors\` writes this page from the catalogue in [sdk/catalogue](../sdk/catalogue).
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
