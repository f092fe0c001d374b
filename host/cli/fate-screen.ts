import { firstLine } from '../base/utf8';
import type { Fate, FateState } from './fate-facts';
import { paint, table } from './output';
import { figure } from './figure';

/** The fate of an event in one handler. */
export interface HandlerFate extends Fate {
  readonly plugin: string;
  readonly handler: string;
}

/** The fate of an event, as `jetplug fate --json` shows it. */
export interface EventFate {
  readonly stream: string;
  readonly sequence: number;
  /** Absent if the stream does not have the event any more, and no record has it. */
  readonly subject?: string;
  readonly id?: string;
  /** When the stream stored the event, in ISO 8601. */
  readonly time?: string;
  /** Why the stream does not have the event any more; absent if it has it. */
  readonly gone?: string;
  /** How many running hosts have answered. */
  readonly hosts: number;
  readonly handlers: readonly HandlerFate[];
}

const SIGNS: Readonly<Record<FateState, readonly [sign: string, colour: Parameters<typeof paint>[0]]>> = {
  done: ['✔', 'green'],
  running: ['▶', 'green'],
  retrying: ['↻', 'yellow'],
  waiting: ['‖', 'yellow'],
  deferred: ['◷', 'yellow'],
  'dead-lettered': ['✖', 'red'],
  pending: ['…', 'yellow'],
  filtered: ['–', 'dim'],
  'before-deployment': ['–', 'dim'],
  unknown: ['?', 'yellow'],
};

const MAX_ERROR = 200;

/** Returns the lines of `jetplug fate`. */
export function fateScreen({ handlers, hosts, ...event }: EventFate): string[] {
  const rows = handlers.map((fate) => {
    const [sign, colour] = SIGNS[fate.state];
    return [`${paint(colour, sign)} ${fate.plugin}.${fate.handler}`, paint(colour, fate.state), sentence(fate)];
  });
  const answered = hosts === 0 ? 'no host answered' : `${hosts} ${hosts === 1 ? 'host' : 'hosts'} answered`;
  return [
    ...headOf(event),
    '',
    ...(rows.length > 0
      ? withDetails(table(rows, '  '), handlers)
      : ['  no handler has a durable on this stream, and no record names the event']),
    '',
    `  ${paint('dim', hosts === 0 ? `${answered}: this is what the server knows` : answered)}`,
  ];
}

function headOf({ stream, sequence, subject, id, time, gone }: Omit<EventFate, 'handlers' | 'hosts'>): string[] {
  const facts = [
    ...(id === undefined ? [] : [`id ${firstLine(id, MAX_ERROR)}`]),
    ...(time === undefined ? [] : [`stored ${time}`]),
  ];
  return [
    `${paint('bold', `${stream}:${sequence}`)}${subject === undefined ? '' : `  ${firstLine(subject, MAX_ERROR)}`}`,
    ...(facts.length > 0 ? [`  ${paint('dim', facts.join(', '))}`] : []),
    ...(gone === undefined ? [] : [`  ${paint('yellow', `the stream does not have it any more: ${gone}`)}`]),
  ];
}

/** Puts the error, and the command that helps, below the line of each handler. */
function withDetails(lines: readonly string[], handlers: readonly HandlerFate[]): string[] {
  return lines.flatMap((line, i) => {
    const { error, next } = handlers[i]!;
    return [
      line,
      ...(error === undefined ? [] : [`      ${paint('red', firstLine(error, MAX_ERROR))}`]),
      ...(next === undefined ? [] : [`      ${paint('dim', next)}`]),
    ];
  });
}

function sentence({ why, before, attempt, attempts, at, dueAt, version, host, reason, state }: HandlerFate): string {
  const isNext = state === 'retrying' || state === 'waiting' || state === 'deferred';
  const count = attempts === undefined ? `attempt ${attempt}` : `attempt ${attempt} of ${attempts}`;
  const facts = [
    why,
    ...(before === undefined
      ? []
      : [before === 0 ? 'it is the next' : `${figure(before)} ${before === 1 ? 'event' : 'events'} before it`]),
    ...(reason === undefined ? [] : [reason]),
    ...(attempt === undefined ? [] : [isNext ? `next: ${count}` : count]),
    ...(dueAt === undefined ? [] : [`due ${dueAt}`]),
    ...(at === undefined ? [] : [isNext ? `failed ${at}` : at]),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(host === undefined ? [] : [`host ${host.slice(0, 8)}`]),
  ];
  return firstLine(facts.join(', '), 1_000);
}
