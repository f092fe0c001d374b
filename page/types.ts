/** Names for parts of the API's answers. */
import type { LetterPage, LiveMessages, PluginView, TraceView } from '../host/page/api';

export type DeadLetterSummary = LetterPage['letters'][number];

export type ExplainedPlugin = PluginView['explained'][number];
export type ExplainedHandler = ExplainedPlugin['handlers'][number];
export type ExplainedOption = ExplainedHandler['options'][keyof ExplainedHandler['options']];

export type Trace = TraceView['trace'];
export type TracedEvent = Trace['root'];
export type HostRun = TracedEvent['runs'][number]['record'];

export type LiveRun = LiveMessages['runs']['runs'][number];
export type RunOutcome = LiveRun['outcome'];
