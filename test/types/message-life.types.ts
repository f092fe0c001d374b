/**
 * The order of a message's life, as the compiler checks it: the whole list is accepted, and below each
 * `@ts-expect-error` one in which a step is missing or in another place. Nothing here runs.
 */
import { doAfterCommitWork } from '../../host/message/after-commit';
import { commit, commitBatch } from '../../host/message/commit';
import { dispatchBatch } from '../../host/message/dispatch-batch';
import { judge } from '../../host/message/judge';
import { sendEmits } from '../../host/message/outbox';
import { pipeline } from '../../host/message/pipeline';
import type { Arrived, Ended } from '../../host/message/stages';
import {
  checkSettled,
  decideRun,
  decodeEvent,
  dispatchEvent,
  hasFailedBefore,
  markSuspect,
  measure,
  readFailures,
  settleRun,
  validateEvent,
} from '../../host/message/steps';

const life = pipeline<Arrived, Ended>();
const counted = life.step(checkSettled).step(readFailures).apart(hasFailedBefore);
const decoded = counted.step(markSuspect).step(decodeEvent);
const returned = decoded.step(validateEvent).joint(dispatchEvent, dispatchBatch);
const committed = returned.joint(commit, commitBatch);
const sent = committed.step(sendEmits);
const measured = sent.step(doAfterCommitWork).conclude(measure);
measured.step(judge).step(decideRun).step(settleRun);

// @ts-expect-error the failures are read before it is known whether the message is settled
life.step(readFailures);
// @ts-expect-error the message is marked before its failures are read
life.step(checkSettled).step(markSuspect);
// @ts-expect-error it is decided whether it runs alone before its failures are read
life.step(checkSettled).apart(hasFailedBefore);
// @ts-expect-error the message is decoded before it is marked
counted.step(decodeEvent);
// @ts-expect-error the handler gets an event that was not validated
decoded.joint(dispatchEvent, dispatchBatch);
// @ts-expect-error the handler gets a batch of events that were not validated
decoded.joint((run) => run, dispatchBatch);
// @ts-expect-error the run is committed before the handler has returned
decoded.step(validateEvent).joint(commit, commitBatch);
// @ts-expect-error after-commit work is done before the events are sent
committed.step(doAfterCommitWork);
// @ts-expect-error events are sent before the run is committed
returned.step(sendEmits);
// @ts-expect-error a batch is committed before its handler has returned
decoded.step(validateEvent).joint((run) => run as never, commitBatch);
// @ts-expect-error the outcome is judged though some runs have none
returned.conclude(measure);
// @ts-expect-error the outcome is judged before the call is measured
committed.step(sendEmits).conclude(judge);
// @ts-expect-error it is decided before the outcome is judged
measured.step(decideRun);
// @ts-expect-error the message is settled before it is decided how
measured.step(judge).step(settleRun);
