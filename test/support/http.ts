/** Posts JSON and reads the JSON of the answer. */
export async function post(
  url: string,
  body: unknown,
  signal: AbortSignal | null = null,
): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', headers, body: text, signal });
  return { status: response.status, body: await response.json() };
}
