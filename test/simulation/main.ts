import { simulate } from './simulate';
async function main() {
  const [from, to, mistake] = process.argv.slice(2);
  const t = performance.now();
  let steps = 0;
  for (let s = Number(from); s < Number(to); s++) {
    const r = await simulate(s, { mistake });
    steps += r.steps;
    if (r.violations.length) {
      console.log(s, r.violations.slice(0, 3), JSON.stringify({ ...r.schedule, events: r.schedule.events.length }));
      if (process.env['TRACE']) console.log(r.trace.join('\n'));
    }
  }
  const ms = performance.now() - t;
  const cpu = process.cpuUsage();
  console.log('cpu ms', (cpu.user + cpu.system) / 1000);
  const n = Number(to) - Number(from);
  console.log(n, 'schedules', Math.round(ms), 'ms', Math.round((n / ms) * 60000), 'per minute', steps, 'steps');
}
void main();
