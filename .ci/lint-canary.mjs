// Plants constructors that start a timer, a listener, a process or a connection, and fails for each one that ESLint does
// not report in `host` and `sdk`. A selector that matches nothing reports nothing, and ESLint then reports success.
import { fileURLToPath } from 'node:url';
import { ESLint, Linter } from 'eslint';

const RULE = 'no-restricted-syntax';

const REPORTED = [
  'class A { constructor() { setTimeout(() => this.end(), 1); } }',
  'class A { constructor() { this.timer = setInterval(() => this.end(), 1).unref(); } }',
  'class A { constructor(time) { this.timer = time.after(1, () => this.end()); } }',
  'class A { constructor() { this.child = fork("a.js"); } }',
  'class A { constructor(child) { child.on("exit", () => this.end()); } }',
  'class A { constructor(signal) { signal.addEventListener("abort", () => this.end()); } }',
  'class A { constructor(connection) { connection.watch({ closed: () => this.end() }); } }',
  'class A { constructor() { if (a) { this.socket = net.connect(1); } } }',
  'class A { constructor(options) { new B(options).start(); } }',
  'class A { timer = setInterval(() => this.end(), 1); }',
  'class A { timer = setInterval(() => this.end(), 1).unref(); }',
];
const ALLOWED = [
  'class A { constructor(time) { this.time = time; } start() { this.timer = this.time.after(1, () => this.end()); } }',
  'class A { pulls = new SharedTimer(1, (pull) => pull.watch()); }',
  'class A { static open(child) { const a = new A(); child.on("exit", () => a.end()); return a; } }',
];

const eslint = new ESLint({ cwd: fileURLToPath(new URL('..', import.meta.url)) });
const linter = new Linter();
for (const file of ['host/host.ts', 'host/nats/publisher.ts', 'sdk/clock.ts']) {
  const { rules } = await eslint.calculateConfigForFile(file);
  const reports = (code) => linter.verify(code, { rules: { [RULE]: rules[RULE] ?? 'off' } }).length;
  for (const code of REPORTED) if (reports(code) !== 1) fail(`is not reported once in ${file}: ${code}`);
  for (const code of ALLOWED) if (reports(code) !== 0) fail(`is reported in ${file}: ${code}`);
}

function fail(why) {
  console.log(`a planted class ${why}`);
  process.exitCode = 1;
}
