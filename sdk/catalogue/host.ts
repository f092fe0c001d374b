import type { ErrorTexts } from './texts';

export const CONFIG_ERRORS = {
  JP_CONFIG_UNREADABLE: ['A config file cannot be read or is not YAML.', 'Check the path and the line named.'],
  JP_CONFIG_UNKNOWN_KEY: ['The config has a key that does not exist.', 'Remove it, or use the key that is suggested.'],
  JP_CONFIG_INVALID: ['A value in the config is not valid for its key.', 'Write a value as the message describes.'],
  JP_USAGE: ['A command was called with arguments it does not take.', 'See the command with --help.'],
} as const satisfies ErrorTexts;

export const COMMAND_ERRORS = {
  JP_NO_HOST: [
    'No running host answered.',
    'Start one with `npx jetplug start`, or name the server of a running one with --servers.',
  ],
  JP_REQUEST_INVALID: [
    'A request to a running host is not valid.',
    'Write the request as docs/api.md describes it for this endpoint.',
  ],
  JP_ANSWER_TOO_LARGE: [
    'The answer of a running host is larger than the server takes in one message.',
    'Ask for less, such as one plugin with `jetplug plugins NAME`, or raise max_payload of the server.',
  ],
  JP_NOT_FOUND: ['There is nothing by that name.', 'The message names what there is, or the command that lists it.'],
  JP_HISTORY_ENDED: [
    'The commit log of a store does not reach back to the moment that was asked for.',
    'Ask for a later moment. Commits are kept for store.history (7d by default), unless the log was full, or a value was erased.',
  ],
  JP_REPLAY_ENDED: [
    'The process that runs a handler for an event again has ended, or was ended, before the run was over.',
    'The message has the reason. Look for a call of process.exit, memory that runs out, or a loop without an end.',
  ],
  JP_NETWORK_BLOCKED: [
    'A plugin has used the network in a run without a network.',
    'If the services that it calls may be called for this event, run it with --allow-net.',
  ],
  JP_INSPECTOR_LISTEN: [
    'The debugger cannot listen on its address, most often because another program does.',
    'Give another port with --inspect=127.0.0.1:PORT, or port 0 for a free one.',
  ],
  JP_FILE_EXISTS: [
    'A file that was to be written exists already.',
    'Choose another name, or move the file away: no file is overwritten.',
  ],
  JP_FILE_UNWRITABLE: [
    'A file cannot be written, or its folder cannot be read.',
    'Give the folder to the user that runs the command, free space on its disk, or name another folder.',
  ],
  JP_MANIFEST_INVALID: [
    'The package.json of a project cannot be read.',
    'Correct the file, or move it away: `jetplug init` then writes a new one.',
  ],
  JP_INSTALL_FAILED: [
    '`jetplug init` has written the project, but the package manager did not install its packages.',
    'Read the output of npm or pnpm, then run its `install` in the project’s folder.',
  ],
} as const satisfies ErrorTexts;

export const TESTING_ERRORS = {
  JP_TEST_UNSETTLED: [
    'Not everything was settled in the time that `settled()` waits.',
    'While a handler runs, the time of a test stands still: let the calls that it awaits end, move the time with clock.advance(), or give settled({ within }) more.',
  ],
} as const satisfies ErrorTexts;

export const HOST_ERRORS = {
  JP_TELEMETRY_MISSING: [
    'The variables OTEL_* ask for telemetry, and the OpenTelemetry SDK is not installed.',
    'Run `npm install @opentelemetry/sdk-node@0.223` in the folder where Jetplug is installed, or set OTEL_SDK_DISABLED=true.',
  ],
  JP_TELEMETRY_INVALID: [
    'The OpenTelemetry SDK did not start.',
    'Correct the variable OTEL_* that the message is about, or install version 0.223 of @opentelemetry/sdk-node.',
  ],
  JP_UNCAUGHT_ERROR: [
    'An error was not caught, and cannot be traced to a plugin.',
    'The location, or the stack (on a terminal: start with --verbose), shows where it was thrown. If that is in Jetplug itself, please report it.',
  ],
  JP_LOOP_BLOCKED: [
    'The event loop is blocked by code that cannot be traced to a plugin.',
    'The location, or the stack (on a terminal: start with --verbose), shows which code. At the start of a host with many plugins it may be their compilation.',
  ],
  JP_INTERNAL: ['Something failed that should not.', 'Please report it, with its stack.'],
} as const satisfies ErrorTexts;
