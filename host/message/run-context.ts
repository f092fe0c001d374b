import type { Logger } from '../../sdk';
import { attributeHeaders } from './cloud-events';
import type { Handler } from './handler';
import { HandlerContext, type AfterCommitCallback, type EventFacts } from './handler-context';
import { currentScope, inBackgroundOf, Run } from './run';
import { withinSpanOf } from './trace-run';
import { LoggedLines, type LineSink } from './run-lines';
import { RunLogger } from './run-logger';

/** Keeps a line that the plugin logs, for the record of the run in which it does so. */
export const noteLineOfRun: LineSink = (...line) => {
  const scope = currentScope();
  if (scope instanceof Run) noteLine(scope, ...line);
};

/** Keeps a line that the plugin has logged in a run, for the record of the run. */
export function noteLine(run: Run, ...line: Parameters<LineSink>): void {
  if (run.handler.recorder?.isActive) (run.logged ??= new LoggedLines()).add(...line);
}

/** Returns the headers as a handler sees them. */
export function contextHeaders({ delivery, decoded: { cloudEvent } }: Run): Readonly<Record<string, string>> {
  const headers = delivery.headers();
  return cloudEvent?.mode === 'structured' ? { ...attributeHeaders(cloudEvent), ...headers } : headers;
}

/** Returns the properties of a run's delivery that its handler can read. */
export function factsOf({ attempt, delivery, decoded }: Run): EventFacts {
  const { subject, sequence: deliveredAs, origin } = delivery;
  const { stream, sequence, storedAtMs } = origin;
  return { attempt, subject, stream, sequence, deliveredAs, storedAtMs, cloudEvent: decoded.cloudEvent };
}

/** The context of a run in the host. */
export class RunContext extends HandlerContext {
  constructor(private readonly run: Run) {
    super();
  }

  get headers(): Readonly<Record<string, string>> {
    return contextHeaders(this.run);
  }
  get signal(): AbortSignal {
    return this.run.signal;
  }

  protected get handler(): Handler {
    return this.run.handler;
  }

  protected addWork(work: AfterCommitCallback): void {
    const { run } = this;
    run.assertLive('EventContext.afterCommit');
    const { plugin, name } = run.handler;
    run.addWork({ perform: ({ signal }) => withinSpanOf(run, () => inBackgroundOf(plugin, () => work(signal), name)) });
  }

  protected readFacts(): EventFacts {
    return factsOf(this.run);
  }

  protected override loggerWith(known: object): Logger {
    return new RunLogger(this.handler.log, known, (...line) => noteLine(this.run, ...line));
  }
}
