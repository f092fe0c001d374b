import { isEventContract, JetplugError, parameterTypes } from '../../sdk/internal';
import type { DescribedPlugin, HandlerDefinition } from '../load/describe';
import { fieldsOf } from '../load/grouping';

const ENVELOPE = ['event_type', 'event_id', 'timestamp'];

/** Warnings about the contracts of a plugin's handlers. */
export function checkContracts(plugin: DescribedPlugin): JetplugError[] {
  return plugin.handlers.flatMap((handler) => {
    const warnings = [otherEvent(plugin, handler), unvalidated(plugin, handler), fieldOfEnvelope(plugin, handler)];
    return warnings.filter((warning) => warning !== undefined);
  });
}

function otherEvent({ name, cls, className }: DescribedPlugin, handler: HandlerDefinition): JetplugError | undefined {
  const type = parameterTypes(cls, handler.method)?.[0];
  const { contract } = handler;
  if (!contract || !isEventContract(type) || type.subject === contract.subject) return undefined;
  const message = `${className}.${handler.method} handles ${handler.subject}, and its parameter is ${type.name} (${type.subject})`;
  return new JetplugError('JP_HANDLER_OTHER_EVENT', message, { plugin: name, ...handler.where });
}

/** Warns of a contract that is only the type of a parameter, while the decorator names a subject. */
function unvalidated({ name, cls, className }: DescribedPlugin, handler: HandlerDefinition): JetplugError | undefined {
  const type = handler.contract ? undefined : parameterTypes(cls, handler.method)?.[0];
  if (!isEventContract(type)) return undefined;
  const subscribes = `${className}.${handler.method} subscribes to the subject ${handler.subject}`;
  const message = `${subscribes}, so its events are not validated as ${type.name} (${type.subject})`;
  return new JetplugError('JP_HANDLER_UNVALIDATED', message, { plugin: name, ...handler.where });
}

function fieldOfEnvelope({ name }: DescribedPlugin, { contract, where }: HandlerDefinition): JetplugError | undefined {
  const field = fieldsOf(contract)?.find((one) => ENVELOPE.includes(one));
  if (!contract || field === undefined) return undefined;
  const message = `the schema of ${contract.name} (${contract.subject}) has the field ${field}, which is in the envelope`;
  return new JetplugError('JP_CONTRACT_ENVELOPE', message, { plugin: name, ...where });
}
