import { decode } from '../message/decode';
import { validateStored } from '../message/upcast';
import { describe, type HandlerDefinition } from '../load/describe';
import type { ReplayedEvent } from './effect-run';
import { findHandler, findPlugin } from './find-plugin';
import type { Judgement, RefusedEvent, ReplayConfig, ReplayTarget } from './replay-protocol';
import { ReplayedDelivery } from './replay-pull';

/** The handlers whose contracts judge events in this process. Each is loaded once. */
export class ContractJudge {
  private readonly handlers = new Map<string, HandlerDefinition>();

  /**
   * Validates events by the contract of a handler, as its host does before it calls the handler.
   * @throws JetplugError, or an AggregateError of several, if the plugin cannot be loaded
   */
  async judge(target: ReplayTarget, config: ReplayConfig, events: readonly ReplayedEvent[]): Promise<Judgement> {
    const { contract } = this.handlerOf(target, config);
    const upcast: number[] = [];
    const refused: RefusedEvent[] = [];
    for (const [index, event] of events.entries()) {
      const result = await validateStored(decode(new ReplayedDelivery(event), config.delivery), contract);
      if (result.kind === 'validated') {
        if (result.isUpcast) upcast.push(index);
        continue;
      }
      const { reason, error, issues = [{ field: '', message: error.message }] } = result;
      refused.push({ index, reason, issues });
    }
    return { upcast, refused };
  }

  private handlerOf(target: ReplayTarget, config: ReplayConfig): HandlerDefinition {
    const key = JSON.stringify(target);
    const known = this.handlers.get(key);
    if (known) return known;
    const handler = findHandler(describe(findPlugin(target, config).compiled, config), target);
    this.handlers.set(key, handler);
    return handler;
  }
}
