/** Returns a test whether bytes contain one of the texts, or one of the sequences of bytes. */
export function bytesContain(wanted: readonly (string | Buffer)[]): (bytes: Uint8Array) => boolean {
  const marks = wanted.map((one) => (typeof one === 'string' ? Buffer.from(one) : one));
  return ({ buffer, byteOffset, length }) => {
    const bytes = Buffer.from(buffer, byteOffset, length);
    return marks.some((mark) => bytes.includes(mark));
  };
}
