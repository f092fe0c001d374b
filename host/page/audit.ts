import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PartedLog } from '../log/log';
import { audited, type AuditLog, type Change } from '../ops/audited';

/** The header of an answer whose change is made, and is not in the audit. */
const HEADER = 'x-jetplug-audit';

/** Records the changes that the page makes. */
export class Audit {
  constructor(
    private readonly store: AuditLog,
    private readonly log: Pick<PartedLog, 'error'>,
  ) {}

  /**
   * Makes a change, and records it with its outcome. A failure is recorded and thrown again. If the entry cannot be
   * stored, the log and the answer's header `x-jetplug-audit` say so, and the change stays.
   */
  change<T>(request: FastifyRequest, reply: FastifyReply, change: Change, work: () => Promise<T>): Promise<T> {
    const by = { who: request.requester?.name ?? 'loopback', via: 'page', from: request.ip };
    const unstored = (error: unknown): void => {
      reply.header(HEADER, 'not-stored');
      this.log.error('a change is not in the audit', { ...by, ...change, err: error });
    };
    return audited({ log: this.store, by, unstored }, change, work);
  }
}
