import { CONTAINER_FILES } from './init-containers';
import { FIRST_PLUGIN_FILES } from './init-plugin';
import type { NewFile } from './write-new';

const CONFIG = `# yaml-language-server: $schema=../node_modules/jetplug/dist/config.schema.json
# The configuration of this project: only what differs from the built-in defaults. An unknown key is an error.
# Every key, with its default: node_modules/jetplug/docs/operating.md
# config/$NODE_ENV.yaml, config/local.yaml, --config files, JETPLUG_* variables and flags win over this file.

# The streams that hold the events. An event on a subject that no stream holds is refused.
streams:
  - name: EVENTS
    # > matches all the tokens that follow. Add the subjects of your events here.
    subjects: [orders.>]
    # An event is kept for maxAge. When the stream exceeds maxBytes, the oldest events are deleted.
    maxAge: 7d
    maxBytes: 10 GiB

plugins:
  dirs: [plugins]
  # Every other key here is a plugin's name, with that plugin's section.
  #customer-total:
  #  concurrency: 4
  #  retry: { attempts: 5, backoff: [1s, 5s, 30s, 2m] }

http:
  # The address of the page, /livez, /readyz and /metrics. Beyond loopback the page and /metrics need a token.
  listen: 127.0.0.1:8300
`;

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2022",
    "lib": ["es2023"],
    "module": "node20",
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "isolatedModules": true,
    "experimentalDecorators": true,
    "emitDecoratorMetadata": true,
    "esModuleInterop": true,
    "resolveJsonModule": true,
    "skipLibCheck": true,
    "types": ["node", "jest"],
    "noEmit": true
  },
  "include": ["plugins"]
}
`;

const GIT_IGNORE = `node_modules/
coverage/
*.log
# The data of the embedded broker.
.jetplug/
# The settings of one machine, which may hold secrets.
config/local.yaml
`;

/** The additional file of a project of pnpm, which ends an install with an error if it may not run an install script. */
export const PNPM_FILES: readonly NewFile[] = [
  {
    file: 'pnpm-workspace.yaml',
    text: `# These packages work without their install scripts, which pnpm does not run without permission.
allowBuilds:
  '@parcel/watcher': false
  '@swc/core': false
  unrs-resolver: false
# Other install scripts that were not run are a warning and no error.
strictDepBuilds: false
`,
  },
];

/** The files of a new project, apart from package.json. Their paths count from the project's folder. */
export const PROJECT_FILES: readonly NewFile[] = [
  { file: 'config/default.yaml', text: CONFIG },
  ...FIRST_PLUGIN_FILES,
  { file: 'tsconfig.json', text: TSCONFIG },
  { file: '.gitignore', text: GIT_IGNORE },
  ...CONTAINER_FILES,
];
