import type { PlannedChange } from '../plan/change';
import { paint, print } from './output';
import { noteLines, type PlanNotes } from './plan-notes';

type Kind = PlannedChange['change'];

const SIGNS: Record<
  Kind,
  { readonly sign: string; readonly style: Parameters<typeof paint>[0]; readonly what: string }
> = {
  create: { sign: '+', style: 'green', what: 'to create' },
  update: { sign: '~', style: 'yellow', what: 'to update in place' },
  recreate: { sign: '!', style: 'red', what: 'to delete and create again' },
  orphan: { sign: '-', style: 'magenta', what: 'that nothing needs' },
  foreign: { sign: '?', style: 'red', what: 'not ours' },
};

/** Prints a plan as an operator reads it. Prints nothing where nothing is to be changed and nothing is noted. */
export function printPlan(changes: readonly PlannedChange[], notes: PlanNotes): void {
  const noted = noteLines(notes);
  for (const change of changes) for (const line of changeLines(change)) print(line);
  if (changes.length > 0) {
    print(`${summary(changes)}. ${paint('dim', atStartText(changes))}`);
    const newer = changes.find(({ newerConfig }) => newerConfig)?.newerConfig;
    if (newer) print(newerText(newer));
  } else if (noted.length === 0 && process.stdout.isTTY) {
    print(paint('dim', 'The server has what the config and the plugins need.'));
  }
  for (const line of noted) print(line);
}

function changeLines({ change, fields = [], impact, needs = [], refused, ...about }: PlannedChange): string[] {
  const { sign, style } = SIGNS[change];
  return [
    `${paint(style, sign)} ${headline(about)}`,
    ...fields.map(({ field, from, to }) => `    ${field}: ${from} → ${to}`),
    `    ${paint('dim', impact)}`,
    ...(refused === undefined ? [] : [`    ${paint('red', `refused: ${refused}`)}`]),
    ...(needs.length > 0 ? [`    ${paint('dim', `apply makes this with ${needs.join(' ')}`)}`] : []),
  ];
}

/** Names the asset of a change. */
function headline({
  kind,
  name,
  stream,
  plugin,
  handler,
}: Omit<PlannedChange, 'change' | 'impact' | 'atStart'>): string {
  const owner = plugin === undefined || handler === undefined ? '' : `, of ${plugin}.${handler}`;
  return `${kind} ${paint('bold', name)}${stream === undefined ? '' : ` on stream ${stream}${owner}`}`;
}

/** Returns the sign and the asset of a change. */
export function changeTitle({ change, ...about }: PlannedChange): string {
  return `${paint(SIGNS[change].style, SIGNS[change].sign)} ${headline(about)}`;
}

function summary(changes: readonly PlannedChange[]): string {
  const counted = (Object.keys(SIGNS) as Kind[]).map((kind) => {
    const count = changes.filter(({ change }) => change === kind).length;
    return count === 0 ? [] : [`${count} ${SIGNS[kind].what}`];
  });
  return counted.flat().join(', ');
}

function newerText({ generation, host, since }: NonNullable<PlannedChange['newerConfig']>): string {
  return (
    `The deployment has a newer config (generation ${generation}, by ${host}, since ${since}): ` +
    'a host that starts with this one waits, and leaves the settings as they are. ' +
    '`jetplug apply` makes this config the newest.'
  );
}

function atStartText(changes: readonly PlannedChange[]): string {
  const own = changes.filter(({ atStart }) => atStart).length;
  if (own === changes.length) return 'A host that starts makes these changes too.';
  return own === 0
    ? 'A host that starts makes none of these changes.'
    : `A host that starts makes ${own} of these changes.`;
}
