/** The public API for plugins. */
import 'reflect-metadata';

export { Clock } from './clock';
export type { BatchContext, CloudEvent, EventContext } from './context';
export type { Duration } from './duration';
export { JetplugError, type ErrorCode } from './errors';
export { defineEvent, type Envelope, type EventContract, type EventFields, type EventOptions } from './event';
export { EventBus, type Publishable, type PublishOptions } from './event-bus';
export { Logger } from './logger';
export {
  Use,
  type ContextOf,
  type HandledEvent,
  type Middleware,
  type MiddlewareFunction,
  type Next,
} from './middleware';
export { BatchFailure, Reject, RetryLater, type FailedEvent } from './outcome';
export { Plugin, type PluginLifecycle, type PluginOptions } from './plugin';
export type { Provider, Providers } from './providers';
export { Settings } from './settings';
export { Store, type ForEvent } from './store';
export {
  Subscribe,
  type BatchOptions,
  type From,
  type RateOptions,
  type RetryOptions,
  type SubscribeOptions,
} from './subscribe';
