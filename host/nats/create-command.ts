import { JetplugError } from '../../sdk/internal';
import type { DurableSpec } from '../broker/durable';
import { newDurable, requestFor } from './new-durable';
import { markOf } from './ownership';
import type { WantedStream } from './wanted-streams';

/** Returns the error for a stream that is missing where the host creates nothing. Its hint has the command. */
export function streamMissing(apiPrefix: string, wanted: WantedStream, deployment: string): JetplugError {
  const { name } = wanted.settings;
  const request = `STREAM.CREATE.${name}`;
  return missing(`stream ${name}`, command(apiPrefix, request, newStream(wanted, deployment)));
}

/** Returns the error for a durable that is missing where the host creates nothing. Its hint has the command. */
export function durableMissing(apiPrefix: string, spec: DurableSpec): JetplugError {
  return missing(
    `durable ${spec.durable} on stream ${spec.stream}`,
    command(apiPrefix, requestFor(spec), newDurable(spec)),
  );
}

/** Returns the config with which a stream is created, with the mark of the deployment. */
export function newStream({ settings, initially }: WantedStream, deployment: string) {
  return { ...settings, ...initially, metadata: markOf(deployment) };
}

function missing(asset: string, create: string): JetplugError {
  return new JetplugError('JP_ASSET_MISSING', `${asset} is missing, and deploy.bindOnly is true`, {
    hint: `Create it: ${create}`,
  });
}

/** Returns a command for a shell that sends a request of the JetStream API. */
function command(apiPrefix: string, request: string, body: object): string {
  return `nats req ${quoted(`${apiPrefix}.${request}`)} ${quoted(JSON.stringify(body))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
