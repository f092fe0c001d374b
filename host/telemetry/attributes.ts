import type { Attributes } from '@opentelemetry/api';
import { cut } from '../base/utf8';
import type { TracedHandler, TracedMessage } from '../message/telemetry';

/*
 * The attributes of the semantic conventions for messaging, and those of Jetplug. `docs/opentelemetry.md` lists them.
 * The conventions leave the consumer group and the destination to each system: here they are the durable and the
 * subject. A template is a subject as the handler subscribes to it, so its cardinality is low.
 */

const MAX_MESSAGE = 1_000;
const MAX_STACK = 4_000;
const MAX_TYPE = 100;

/** The attributes of an operation, on its span and its metrics. */
export function operation(name: string, type: 'send' | 'process' | 'settle'): Attributes {
  return { 'messaging.system': 'nats', 'messaging.operation.name': name, 'messaging.operation.type': type };
}

/** The attributes of a handler, on the spans and metrics of its calls and settlements. */
export function ofHandler({ plugin, name, durable, subject }: TracedHandler): Attributes {
  return {
    'messaging.consumer.group.name': durable,
    'messaging.destination.template': subject,
    ...ofOwner({ plugin, handler: name }),
  };
}

/** The plugin and the handler whose code publishes. */
export function ofOwner({ plugin, handler }: { plugin: string; handler?: string | undefined }): Attributes {
  return { 'jetplug.plugin': plugin, ...(handler !== undefined && { 'jetplug.handler': handler }) };
}

/** The attributes of a received message. */
export function ofMessage({ delivery, id, root, attempt }: TracedMessage): Attributes {
  return {
    'messaging.destination.name': delivery.subject,
    'messaging.message.id': id,
    'messaging.message.conversation_id': root,
    'jetplug.attempt': attempt,
  };
}

/** The attributes of an event that is published. */
export function ofEvent(id: string, subject: string, root: string | undefined): Attributes {
  return {
    'messaging.destination.name': subject,
    'messaging.message.id': id,
    ...(root !== undefined && { 'messaging.message.conversation_id': root }),
  };
}

/** The attribute of a failed operation: the error's code, or else its name. */
export function ofError(error: Error & { readonly code?: unknown }): Attributes {
  const { code, name } = error;
  const type = typeof code === 'string' && code !== '' ? code : name;
  return { 'error.type': cut(type === '' ? '_OTHER' : type, MAX_TYPE) };
}

/** A bounded copy of an error, as a span records it. */
export function exceptionOf({ name, message, stack }: Error): { name: string; message: string; stack?: string } {
  return {
    name: cut(name, MAX_TYPE),
    message: cut(message, MAX_MESSAGE),
    ...(stack !== undefined && { stack: cut(stack, MAX_STACK) }),
  };
}
