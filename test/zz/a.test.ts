import { createServer } from 'node:net';
import { spawn } from 'node:child_process';
test('leaks a server', async () => { const s = createServer(); await new Promise<void>((r) => s.listen(0, '127.0.0.1', () => r())); });
