test('fetch', async () => { const { createServer } = await import('node:http'); const s = createServer((q, r) => r.end('x')); await new Promise<void>((r) => s.listen(0, '127.0.0.1', () => r()));
 const a = s.address() as any; await (await fetch('http://127.0.0.1:' + a.port)).text(); await new Promise((r) => s.close(r)); });
