import type { YAMLError } from 'yaml';

/**
 * The message and hint for an error of the YAML package, by its code. The package's own texts quote the file, which may
 * hold a secret.
 */
export function explain(error: YAMLError): readonly [what: string, hint: string] {
  return YAML_ERRORS[error.code] ?? ['it does not parse here', 'Correct the line named, or the one above it.'];
}

const QUOTE = 'Put text with special characters (: # @ ` % * & ! { [) in quotes.';
const ALIGN = 'Indent keys of one map alike, by spaces; close every { and [.';

const YAML_ERRORS: Partial<Record<YAMLError['code'], readonly [string, string]>> = {
  BAD_ALIAS: ['an alias (*) that cannot be used', QUOTE],
  BAD_DQ_ESCAPE: ['an unknown escape in double quotes', 'Write \\\\ for a backslash, or use single quotes.'],
  BAD_INDENT: ['wrong indentation, or a { or [ that is not closed', ALIGN],
  BAD_SCALAR_START: ['a value begins with a special character', QUOTE],
  BLOCK_AS_IMPLICIT_KEY: ['a second “: ” in one line', QUOTE],
  BLOCK_IN_FLOW: ['an indented block within { } or [ ]', ALIGN],
  MISSING_CHAR: [
    'something is missing: a colon and a space after a key, a quote, or a closing } or ]',
    'Correct the line named.',
  ],
  MULTILINE_IMPLICIT_KEY: ['a key goes over more than one line', 'Write a colon and a space after each key.'],
  MULTIPLE_DOCS: ['more than one document', 'Remove the --- line, and give each file one document.'],
  RESOURCE_EXHAUSTION: ['values are nested too deeply', 'Nest less.'],
  TAB_AS_INDENT: ['a tab is used to indent', 'Indent by spaces.'],
  TAG_RESOLVE_FAILED: ['a tag (!)', 'Remove it, or put text that begins with ! in quotes.'],
  UNEXPECTED_TOKEN: ['an unexpected character or word', ALIGN],
};
