/** The characters of a token: printable ASCII without white space, so that it fits into a header. */
const TOKEN = /^[\x21-\x7e]{16,512}$/;

/** Whether a text can be a token of the page. A shorter one could be guessed. */
export function isHttpToken(text: string): boolean {
  return TOKEN.test(text);
}

export const HTTP_TOKEN = 'a token of 16 to 512 printable ASCII characters without white space';
