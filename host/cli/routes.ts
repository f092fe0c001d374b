import type { Command } from 'commander';
import { isPublishSubject, isSubscribeSubject, JetplugError } from '../../sdk/internal';
import { nearest } from '../config/suggest';
import { askHosts } from '../nats/service';
import { mergeRoutes, type Routes, type Unreached } from '../ops/routes';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, place, print, printJson, table } from './output';
import { meantBy } from '../ops/takers';

export function routesCommand(program: Command): void {
  reachesBroker(program.command('routes'))
    .argument('<subject>', 'the subject of one event, without wildcards')
    .description('who would receive an event of a subject, and why the others would not')
    .addHelpText(
      'after',
      `
The running hosts answer. Nothing is published.

Exits with 0 when a host answered, whoever would receive the event; with 1 when no host runs, or the subject is
invalid.

Examples:
  $ jetplug routes video.watch_started
  $ jetplug routes badge.awarded --json`,
    )
    .action(routes);
}

async function routes(subject: string, flags: CommonFlags): Promise<void> {
  assertSubject(subject);
  const answers = await withBroker(flags, (connection) => askHosts<Routes>(connection, 'routes', subject));
  if (answers.length === 0) throw new JetplugError('JP_NO_HOST', 'no running host answered');
  const merged = mergeRoutes(answers);
  const guess = guessOf(merged);
  if (flags.json) printJson({ ...merged, ...guess });
  else for (const line of screen(merged, guess)) print(line);
}

/** The subject or plugin that was probably meant by a subject that no handler subscribes to. */
interface Guess {
  readonly meant?: string;
  readonly meantPlugin?: string;
}

function guessOf({ subject, receives, others }: Routes): Guess {
  const all = [...receives, ...others];
  const bySubject = meantBy(
    subject,
    all.flatMap((route) => route.subject ?? []),
  );
  if (bySubject.meant !== undefined || receives.length > 0 || subject.includes('.')) return bySubject;
  const meantPlugin = nearest(subject, [...new Set(all.map(({ plugin }) => plugin))]);
  return meantPlugin === undefined ? {} : { meantPlugin };
}

/**
 * Refuses an invalid subject.
 * @throws JetplugError `JP_SUBJECT_INVALID`
 */
function assertSubject(subject: string): void {
  if (isPublishSubject(subject)) return;
  const shown = JSON.stringify(subject);
  if (!isSubscribeSubject(subject)) throw new JetplugError('JP_SUBJECT_INVALID', `${shown} is not a subject`);
  throw new JetplugError('JP_SUBJECT_INVALID', `${shown} has wildcards, and an event has none in its subject`, {
    hint: 'Give the subject of one event, such as video.watch_started.',
  });
}

function screen({ subject, stream, advice, receives, others }: Routes, { meant, meantPlugin }: Guess): string[] {
  const waiting = others.filter(({ waits }) => waits);
  const never = others.filter(({ waits }) => !waits);
  return [
    stream === undefined
      ? `${paint('bold', subject)} → ${paint('red', 'no stream holds it')}`
      : `${paint('bold', subject)} → stream ${paint('bold', stream)}`,
    ...(meant === undefined
      ? []
      : [`  ${paint('yellow', `no handler subscribes to exactly this subject; did you mean ${meant}?`)}`]),
    ...(meantPlugin === undefined
      ? []
      : [
          `  ${paint('yellow', `did you mean the plugin ${meantPlugin}? \`jetplug plugins ${meantPlugin}\` shows what it takes`)}`,
        ]),
    ...(advice === undefined ? [] : [`  ${paint('dim', advice)}`]),
    ...group(
      receives.length > 0 ? `${paint('green', '✔')} would receive it` : `${paint('red', '✖')} nobody would receive it`,
      receives.map(({ plugin, handler, durable, subject: takes }) => [
        `${plugin}.${handler}`,
        `→ ${durable}`,
        paint('dim', `takes ${takes}`),
      ]),
    ),
    ...(waiting.length > 0 ? group(`${paint('yellow', '•')} would receive it later`, waiting.map(reason)) : []),
    ...(never.length > 0 ? group(paint('dim', 'would not'), never.map(reason)) : []),
  ];
}

function group(head: string, rows: readonly string[][]): string[] {
  return ['', head, ...table(rows, '  ')];
}

function reason({ plugin, handler, why, file, line }: Unreached): string[] {
  const at = file === undefined ? '' : `  ${paint('dim', place(file, line))}`;
  return [handler === undefined ? plugin : `${plugin}.${handler}`, why + at];
}
