// A part of `npm pack`: writes dist/config.schema.json, with which editors complete a project's config.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { configJsonSchema } = createRequire(import.meta.url)('../dist/host/config/json-schema.js');
const file = fileURLToPath(new URL('../dist/config.schema.json', import.meta.url));
writeFileSync(file, `${JSON.stringify(configJsonSchema())}\n`);
