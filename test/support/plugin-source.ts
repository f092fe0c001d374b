import { join } from 'node:path';
import { STORY_PLUGINS } from './host';

/** The names that the generated sources can use without an import. */
const HEAD = `\
import { Clock, defineEvent, EventBus, Logger, Plugin, Reject, RetryLater, Settings, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { VideoWatchStarted, VideoPublished } from '${join(STORY_PLUGINS, 'contracts/streaming')}';
`;

/** The source of a plugin: its class's body, with the imports it needs. */
export function pluginSource(className: string, body: string, { before = '', options = '' } = {}): string {
  return `${HEAD}${before}\n@Plugin(${options})\nexport class ${className} {\n${body}\n}\n`;
}

/** The source of a plugin whose handler logs `msg` with the event's video and the delivery's coordinates. */
export function loggingPlugin(className: string, msg: string, options = ''): string {
  return pluginSource(
    className,
    `  @Subscribe(${options})
  handle(event: VideoWatchStarted, context: EventContext) {
    context.log.info('${msg}', { video: event.video_id });
  }`,
  );
}

/** The number of the first line with the text. */
export function lineOf(source: string, text: string): number {
  const line = source.split('\n').findIndex((each) => each.includes(text)) + 1;
  if (line === 0) throw new Error(`no line with ${text}`);
  return line;
}
