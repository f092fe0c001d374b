import { all, attempt, isPromise, then, type MaybePromise } from '../base/maybe-promise';
import { Later } from './later';

/** A record that flows through a pipeline. The steps before the conclusion skip a record that has an outcome. */
export interface PipelineRecord {
  readonly outcome: object | undefined;
}

/**
 * A step takes the record and returns it, as a value, a promise or a {@link Later}. The result's type is the record's
 * stage.
 */
type Step<From, Result> = (record: From) => Result;

/** The record that a step returns, without its promise or {@link Later}. */
type Landed<Result> = Result extends Promise<infer T> ? T : Result extends Later<infer T> ? T : Result;

interface Plan {
  /** The steps in order. The compiler checks their types where they are added. */
  readonly steps: readonly Step<never, unknown>[];
  /** Index of the step before which records that run alone leave their batch. */
  readonly apartAt: number;
  readonly isApart: (record: never) => boolean;
  /** Index of the first step that takes the records of a batch together. */
  readonly jointAt: number;
  /** The forms for a batch of the step at `jointAt` and of those that follow it. */
  readonly joint: readonly ((records: never) => unknown)[];
  /** Index of the first step that takes only records with an outcome. */
  readonly concludeAt: number;
  readonly cleanUp: (record: never) => void;
}

/** Creates an empty pipeline. Records of the type `Start` enter it; `Ended` is the type of a record with an outcome. */
export function pipeline<Start extends PipelineRecord, Ended extends PipelineRecord>(): Pipeline<Start, Start, Ended> {
  return new Pipeline({
    steps: [],
    apartAt: 0,
    isApart: () => false,
    jointAt: 0,
    joint: [],
    concludeAt: 0,
    cleanUp: () => undefined,
  });
}

/**
 * A list of steps, and the only code that knows whether a step's result is a value, a promise or a {@link Later}. Each
 * step's input type is the output type of the step before it, so the compiler checks the order. A value is passed on in
 * the same turn, so a record that meets no promise is finished when {@link Runner.run} returns.
 */
export class Pipeline<Start extends PipelineRecord, Current, Ended extends PipelineRecord> {
  constructor(private readonly plan: Plan) {}

  /** Adds a step for records without an outcome. */
  step<Result>(step: Step<Current, Result>): Pipeline<Start, Exclude<Landed<Result>, Ended>, Ended> {
    return this.with(step, { concludeAt: this.plan.steps.length + 1 });
  }

  /**
   * Makes records for which `isApart` is true leave their batch here, and those that have an outcome. The batch does not
   * wait for them.
   */
  apart(isApart: (record: Current) => boolean): Pipeline<Start, Current, Ended> {
    return new Pipeline({ ...this.plan, isApart, apartAt: this.plan.steps.length });
  }

  /** Adds a step that takes the records of a batch together. Such steps follow each other. */
  joint<Result>(
    step: Step<Current, Result>,
    together: (records: readonly Current[]) => unknown,
  ): Pipeline<Start, Exclude<Landed<Result>, Ended>, Ended> {
    const { steps, joint, jointAt } = this.plan;
    const at = steps.length;
    const first = joint.length === 0 ? at : jointAt;
    return this.with(step, { jointAt: first, joint: [...joint, together], concludeAt: at + 1 });
  }

  /** Adds the first step for records with an outcome. It compiles only if the steps before leave no other record. */
  conclude<Result>(this: Pipeline<Start, never, Ended>, step: Step<Ended, Result>): Conclusion<Start, Landed<Result>> {
    return new Conclusion({ ...this.plan, steps: [...this.plan.steps, step] });
  }

  private with<Next>(step: Step<never, unknown>, changes: Partial<Plan>): Pipeline<Start, Next, Ended> {
    return new Pipeline({ ...this.plan, ...changes, steps: [...this.plan.steps, step] });
  }
}

/** The last steps of a pipeline, which every record passes, and the runner. */
export class Conclusion<Start extends PipelineRecord, Current> {
  constructor(private readonly plan: Plan) {}

  /** Adds a step for records with an outcome. */
  step<Result>(step: Step<Current, Result>): Conclusion<Start, Landed<Result>> {
    return new Conclusion({ ...this.plan, steps: [...this.plan.steps, step] });
  }

  /** Sets the function that is called last for each record, also if a step has thrown. */
  cleanUp(cleanUp: (record: Start) => void): Runner<Start> {
    return new Runner({ ...this.plan, cleanUp } as unknown as RunnablePlan<Start>);
  }
}

/** A plan whose types were checked. Every step takes the record and returns it. */
interface RunnablePlan<R> extends Plan {
  readonly steps: readonly Step<R, R | Promise<R> | Later<R>>[];
  readonly isApart: (record: R) => boolean;
  readonly joint: readonly ((records: readonly R[]) => unknown)[];
  readonly cleanUp: (record: R) => void;
}

/** Runs records through the steps of a pipeline. */
export class Runner<R extends PipelineRecord> {
  constructor(private readonly plan: RunnablePlan<R>) {}

  /** Runs the record. Throws or rejects with the error of a step that fails; the steps after that one do not run. */
  run(record: R): MaybePromise<void> {
    return this.advance(record, 0, this.plan.steps.length);
  }

  /**
   * Runs the records as one batch. Each record runs on its own up to the joint step. A record that has an outcome by
   * then runs on its own to its end. The joint steps take the others together, and all of them reach the conclusion
   * before one of them passes it.
   * @returns the records that have left the batch. Each of them must still {@link run}.
   */
  runTogether(records: readonly R[]): MaybePromise<readonly R[]> {
    const { apartAt, isApart } = this.plan;
    const started = all(records, (record) => this.advance(record, 0, apartAt));
    return then(started, () => {
      const apart = records.filter((record) => record.outcome !== undefined || isApart(record));
      const together = apart.length === 0 ? records : records.filter((record) => !apart.includes(record));
      return then(this.batch(together), () => apart);
    });
  }

  private batch(records: readonly R[]): MaybePromise<unknown> {
    const { apartAt, jointAt, joint, concludeAt, steps } = this.plan;
    const prepared = all(records, (record) =>
      then(this.advance(record, apartAt, jointAt), () =>
        record.outcome === undefined ? undefined : this.advance(record, concludeAt, steps.length),
      ),
    );
    return then(prepared, () => {
      const ready = records.filter(({ outcome }) => outcome === undefined);
      if (ready.length === 0) return undefined;
      const after = jointAt + joint.length;
      return then(this.together(ready, 0), () =>
        then(
          all(ready, (record) => this.advance(record, after, concludeAt)),
          () => all(ready, (record) => this.advance(record, concludeAt, steps.length)),
        ),
      );
    });
  }

  /** Runs the steps that take the records of a batch together, from the one at `first` on. */
  private together(records: readonly R[], first: number): MaybePromise<unknown> {
    const { joint } = this.plan;
    for (let i = first; i < joint.length; i++) {
      const ready = records.filter(({ outcome }) => outcome === undefined);
      if (ready.length === 0) return undefined;
      const done = joint[i]!(ready);
      const awaited = done instanceof Later ? done.promise() : done;
      if (isPromise(awaited)) return awaited.then(() => this.together(records, i + 1));
    }
    return undefined;
  }

  /** Runs the steps from `first` up to `end`, without `end`. */
  private advance(record: R, first: number, end: number): MaybePromise<void> {
    const { steps, concludeAt, cleanUp } = this.plan;
    try {
      for (let i = first; i < end; i++) {
        if (i < concludeAt && record.outcome !== undefined) {
          i = concludeAt - 1;
          continue;
        }
        const next = steps[i]!(record);
        if (next === record) continue;
        if (next instanceof Later) return this.whenDone(next, record, i + 1, end);
        return (next as Promise<R>).then(
          () => this.advance(record, i + 1, end),
          (error: unknown) => this.fail(record, error),
        );
      }
    } catch (error) {
      return this.fail(record, error);
    }
    if (end === steps.length) cleanUp(record);
  }

  private whenDone(later: Later<R>, record: R, next: number, end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      later.whenDone(
        () => resolve(attempt(() => this.advance(record, next, end))),
        (error) => {
          this.plan.cleanUp(record);
          reject(error);
        },
      );
    });
  }

  private fail(record: R, error: unknown): never {
    this.plan.cleanUp(record);
    throw error;
  }
}
