import { spawn } from 'node:child_process';
test('leaks a detached process', async () => { const c = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }); c.unref(); await new Promise((r) => setTimeout(r, 100)); });
