import type { Location } from './location';
import { hasMark } from './mark';

/**
 * Every error of Jetplug: its stable code, what it means, and what mends it. A code that is retired
 * is never used again. `docs/errors.md` says the same, and a test holds the two together.
 */
export const ERRORS = {
  // config
  JP_CONFIG_UNREADABLE: ['A config file cannot be read or is not YAML.', 'Check the path and the line named.'],
  JP_CONFIG_UNKNOWN_KEY: ['The config has a key that does not exist.', 'Remove it, or use the key that is suggested.'],
  JP_CONFIG_INVALID: ['A value in the config is not what its key takes.', 'Write a value as the message describes.'],
  JP_USAGE: ['A command was called with arguments it does not take.', 'See the command with --help.'],

  // broker
  JP_BROKER_NOT_FOUND: [
    'No nats-server binary could be found or fetched for the embedded broker.',
    'Install nats-server and put it on the PATH, set nats.embedded.binary, or name a running server in nats.servers.',
  ],
  JP_BROKER_START_FAILED: [
    'The embedded nats-server did not come up.',
    'The message holds its last words; often its port is taken or its folder is not writable.',
  ],
  JP_BROKER_DATA_LOCKED: [
    'Another running host holds this data folder, and its broker cannot be joined.',
    'Stop that host, or give this one a folder of its own with --data.',
  ],
  JP_BROKER_NO_JETSTREAM: [
    'The NATS server answers but has no JetStream.',
    'Start it with -js, set nats.domain where JetStream runs behind a leaf node, or start an embedded server with --nats-port.',
  ],
  JP_BROKER_TOO_OLD: [
    'The NATS server is older than the oldest version that Jetplug works with.',
    'Update that server, or use another one: nats.servers, --servers, or `jetplug start --nats-port` for an embedded one.',
  ],
  JP_BROKER_NOT_NATS: [
    'Something that is not a NATS server answers on the address.',
    'Free the port, or give another with --nats-port.',
  ],
  JP_BROKER_UNREACHABLE: ['No NATS server answers.', 'Start the server, or correct nats.servers or --servers.'],
  JP_BROKER_AUTH: [
    'The NATS server refused the credentials, or they have expired.',
    'Correct the user, password, token or file (nats.credentials). Files are read again at each connect.',
  ],
  JP_BROKER_TLS: [
    'The TLS handshake with the NATS server failed.',
    'Check nats.tls: the CA, the certificate and its name.',
  ],
  JP_BROKER_PERMISSION: [
    'The NATS server does not permit what the host must do.',
    'Grant the subject named in the message to these credentials.',
  ],
  JP_BROKER_NO_QUORUM: [
    'JetStream does not answer, or has no leader.',
    'In a cluster a majority of the servers must run; see `nats server report jetstream`. It may pass by itself.',
  ],
  JP_ACCOUNT_LIMIT: [
    'A limit of the NATS account or of the server is in the way.',
    'Raise the limit, or ask for less: the message names it. `nats account info` shows limits and usage.',
  ],
  JP_BROKER_OPERATION_FAILED: [
    'A request to JetStream failed.',
    'The message and its cause say what the server answered.',
  ],

  // streams
  JP_STREAM_OVERLAP: [
    'A stream of the config has subjects that another stream on the server already takes.',
    'Two streams cannot hold one subject: change the subjects of one of them.',
  ],
  JP_STREAM_NO_ROOM: [
    'The server has not as much storage as a stream may take up.',
    'Lower streams[].maxBytes, free disk space, or raise the server’s limits.',
  ],
  JP_STREAM_REPLICAS: [
    'The servers cannot hold as many replicas of a stream as the config says.',
    'Lower streams[].replicas, or add servers with JetStream to the cluster.',
  ],
  JP_STREAM_MIRROR: [
    'A stream on the server is a mirror of another one, so nothing can be published to it.',
    'Name the stream that is mirrored, or give the stream another name (streams[].name, deadLetters.stream). A mirror that nobody needs can be deleted.',
  ],
  JP_STREAM_NOT_UPDATABLE: [
    'A stream on the server differs from the config in a field that cannot be changed in place.',
    'Put the old value back, or move its events to a stream with a new name.',
  ],

  JP_STREAM_FOREIGN: [
    'A stream on the server is not managed by this deployment, and the host would have to change it or keep its own records in it.',
    'Use another name, set streams[].manage: false, or take the stream over with `jetplug adopt stream NAME`.',
  ],
  JP_BUCKET_FOREIGN: [
    'A bucket on the server is not managed by this deployment, and the host would keep its own records in it.',
    'Use another NATS account, or take the bucket over with `jetplug adopt bucket NAME`.',
  ],
  JP_STREAM_DATA_LOSS: [
    'A changed config would delete stored events, or drop subjects of a stream.',
    'Put the old value back, wait until the events are handled, or set deploy.allowDataLoss: true for this start.',
  ],
  JP_STREAM_MISSING: [
    'A stream that the config says somebody else manages is not on the server.',
    'Create the stream, or remove manage: false, so that the host creates it.',
  ],
  JP_STREAM_UNCOVERED: [
    'A stream that the config says somebody else manages does not hold all the configured subjects.',
    'Add the subjects to the stream, or list only those in streams[].subjects that it holds.',
  ],
  JP_STREAM_FULL: [
    'A stream has reached its limit, keeps what it has and refuses what is new.',
    'Nothing is lost: an event stays in its own stream, a dead letter that is redriven in that of the dead letters. Of the stream named raise deadLetters.maxBytes (or drop dead letters: `jetplug dead drop`) or retries.maxBytes.',
  ],
  JP_ADOPT_UNWANTED: [
    'The config and the plugins do not want what was to be adopted.',
    'Adopt only what the message lists, or name it in the config first.',
  ],

  // plugins
  JP_PLUGINS_DIR_MISSING: ['A plugins folder does not exist.', 'Create it, or correct plugins.dirs or --plugins.'],
  JP_PLUGINS_DIR_UNREADABLE: [
    'A plugins folder is there, and cannot be read.',
    'Let the user that runs the host read it and enter it (`r` and `x`), or correct plugins.dirs or --plugins.',
  ],
  JP_PLUGIN_SKIPPED: [
    'A file in a plugins folder is not taken for a plugin.',
    'A plugin is name.plugin.ts or .js in a plugins folder itself, or index.plugin.ts or .js in a folder of its own in it.',
  ],
  JP_PLUGIN_SYNTAX: ['A plugin file does not parse.', 'Mend the line named.'],
  JP_PLUGIN_LOAD_FAILED: ['A plugin file threw while it was loaded.', 'Correct the line named.'],
  JP_PLUGIN_LOAD_TIMEOUT: [
    'A plugin did not come up in time.',
    'Its constructor or onStart waits for something that does not answer; start such work without awaiting it.',
  ],
  JP_PLUGIN_IMPORT_NOT_FOUND: [
    'A plugin imports something that is found neither beside it nor among the host’s packages.',
    'Correct the path, or install the package where the plugin or the host can see it.',
  ],
  JP_PLUGIN_CIRCULAR_IMPORT: [
    'A plugin’s files import each other in a circle, and one uses what another has not defined yet.',
    'Move what both need into a third file, or import it within the function that uses it. Two classes that inject each other: @inject(delay(() => Other)).',
  ],
  JP_PLUGIN_IMPORT_ASYNC: [
    'A plugin imports a module that awaits at its top level, or does so itself; it is loaded as a CommonJS module, which cannot.',
    'Load such a package with `await import()` in onStart or in a handler; in a file of the plugin’s own, await in a function.',
  ],
  JP_PLUGIN_NONE_EXPORTED: [
    'A plugin file exports no class with @Plugin.',
    'Add @Plugin() to the class and export it, or rename the file if it is not a plugin.',
  ],
  JP_PLUGIN_SEVERAL_EXPORTED: [
    'A plugin file exports more than one class with @Plugin.',
    'Give each plugin a file of its own.',
  ],
  JP_PLUGIN_NAME_INVALID: ['A plugin’s or durable’s name has characters it may not have.', 'Use a–z, 0–9 and dashes.'],
  JP_PLUGIN_DUPLICATE_NAME: [
    'Two plugins have one name.',
    'Give one of them another with @Plugin({ name }), or remove one of the files.',
  ],
  JP_PLUGIN_DUPLICATE_DURABLE: [
    'Two handlers have one durable consumer.',
    'Give one of them another with @Subscribe({ durable }).',
  ],
  JP_PLUGIN_OPTIONS: ['An option of @Plugin has a value it does not take.', 'Correct it as the message describes.'],
  JP_PLUGIN_PROCESS_ENDED: [
    'The process of an isolated plugin ended.',
    'It is started again by itself. The message says how it ended: mend what made it so, or raise the limit it met.',
  ],
  JP_PLUGIN_NO_HANDLER: ['A plugin has no handler.', 'Add @Subscribe() to a method.'],
  JP_PLUGIN_CONSTRUCTOR_FAILED: ['A plugin’s constructor threw.', 'Correct the line named.'],
  JP_PLUGIN_START_FAILED: ['A plugin’s onStart failed.', 'Correct the line named.'],
  JP_PLUGIN_STOP_FAILED: ['A plugin’s onStop failed.', 'Correct the line named.'],
  JP_PLUGIN_LATE_ERROR: [
    'A plugin threw, or left a promise rejected, where nobody catches it: in a timer, in an event’s listener, in work that nobody awaits.',
    'Await what the plugin starts, catch what its timers throw, and listen to the `error` of its emitters.',
  ],
  JP_PLUGIN_BLOCKS: [
    'A plugin keeps the event loop busy, so that nothing else in the host runs.',
    'Do long work in parts, with an await of setImmediate between them, or in a worker thread.',
  ],
  JP_PLUGIN_CONNECTS_EARLY: [
    'A plugin uses the network while its module is loaded or its constructor runs. `jetplug check` warns of it.',
    'Connect in onStart: a failure there is reported with its place, and the plugin starts when it has resolved.',
  ],
  JP_PLUGIN_SETTINGS_INVALID: [
    'A plugin’s section of the config does not fit its settings schema.',
    'Correct plugins.<name>.settings in the config.',
  ],
  JP_INJECT_INTERFACE: [
    'A constructor parameter’s type is an interface, a union or a type-only import, which is gone at run time.',
    'Use a class as its type, imported without `type`, or add @inject(TOKEN) to the parameter.',
  ],
  JP_INJECT_UNDECORATED: [
    'A constructor asks for a class that dependency injection does not know how to build.',
    'Add @injectable() to that class.',
  ],
  JP_INJECT_SINGLETON: [
    'A plugin asks for a @singleton() class, which would be shared by all plugins, with one plugin’s store in another’s hands.',
    'Use @scoped(Lifecycle.ContainerScoped): one for each plugin.',
  ],
  JP_INJECT_OUTSIDE_PLUGIN: [
    'One of the host’s services was built with `new`, or by a container that belongs to no plugin.',
    'Ask for it in the constructor of the plugin, or of a class that the plugin’s container builds. A test extends the class.',
  ],
  JP_INJECT_FAILED: [
    'Dependency injection could not build a plugin.',
    'The message names the class and the parameter.',
  ],
  JP_PLUGIN_ROLLED_BACK: [
    'An edit was taken back: the first events of the new version all failed where the old one’s did not.',
    'Correct the plugin and save it; until then, or until the host restarts, the version before runs.',
  ],
  JP_HANDLER_NO_EVENT: [
    'A handler does not say which event it handles.',
    'Give its parameter a contract’s class as type, imported without `type`, or name it: @Subscribe(VideoWatchStarted).',
  ],
  JP_HANDLER_NOT_A_METHOD: [
    '@Subscribe stands on something whose body the host would never run: a generator, a static method, a getter, a setter or a property.',
    'Put @Subscribe on an ordinary method of the class, `async` or not. Loop over a generator within the method.',
  ],
  JP_HANDLER_RETURNED_LAZY: [
    'A handler returned work that nobody runs: a generator, an Observable or a function. Its event counts as failed.',
    'Run it in the handler: loop over the generator, await `lastValueFrom(observable)`, call the function; then return nothing.',
  ],
  JP_HANDLER_OPTIONS: ['An option of @Subscribe has a value it does not take.', 'Correct it as the message describes.'],
  JP_HANDLER_NO_STREAM: [
    'No stream holds the subject that a handler subscribes to.',
    'Add the subject to a stream of the config (streams[].subjects), or correct the subject.',
  ],
  JP_CONSUMER_NOT_UPDATABLE: [
    'A durable consumer on the server differs in a field that cannot be changed in place.',
    'Give the handler a new durable with @Subscribe({ durable }), or delete the consumer: the host makes one that it has used before again where it stood.',
  ],
  JP_CONSUMER_FOREIGN: [
    'A durable consumer of the name that a handler needs was made by another program or another deployment.',
    'Choose another name with @Subscribe({ durable }), take it over with npx jetplug adopt durable NAME, or delete it.',
  ],
  JP_CONSUMER_WORK_QUEUE: [
    'A durable cannot be made on a work-queue stream, which gives each event to one consumer.',
    'Use a stream with the retention limits, or let no two handlers and no other consumer take the same subject.',
  ],

  // running
  JP_DURATION_INVALID: ['A length of time is not written as one.', 'Write it like 250ms, 30s, 2m, 1.5h or 7d.'],
  JP_SUBJECT_INVALID: [
    'A subject is not one that can be used.',
    'Use dot-separated tokens without white space, and wildcards only to subscribe.',
  ],
  JP_EVENT_INVALID: [
    'The fields of an event do not fit its contract, or are not JSON.',
    'Correct what the message names.',
  ],
  JP_NUMBER_INEXACT: [
    'A number has more digits than a JavaScript number holds, or is too large or too small for one, and would be changed silently.',
    'Write it as a string, in quotes.',
  ],
  JP_PUBLISH_FAILED: [
    'An event could not be stored in its stream.',
    'The cause says why; inside a handler it is tried again.',
  ],
  JP_PUBLISH_BACKLOG: [
    'The NATS server is gone, and too many events wait for it to come back.',
    'Await what you publish, so that less waits at once; publish this one again when the server is back.',
  ],
  JP_PUBLISH_TOO_LARGE: [
    'An event is larger than the server or its stream takes.',
    'Publish less in one event, or raise max_payload of the server or max_msg_size of the stream.',
  ],
  JP_PUBLISH_NO_STREAM: [
    'An event was published on a subject that no stream holds.',
    'Add the subject to a stream of the config (streams[].subjects), or correct it.',
  ],
  JP_PUBLISH_NO_HANDLER: [
    'An event was to be published on a subject that no handler takes.',
    'Correct the subject, add a handler for it, or publish all the same with --force. Nothing was published.',
  ],
  JP_RUN_OVER: [
    'A handler used its store or event bus after its run had ended.',
    'Await everything that the handler starts; stop when its signal is aborted.',
  ],
  JP_BATCH_EVENT: [
    'A handler of batches used its store or event bus without saying for which event of the batch.',
    'Pass { for: event }, with an event of the array that the handler got.',
  ],
  JP_BATCH_FAILURE_INVALID: [
    'A BatchFailure names no event, or one that its batch does not have; the whole batch counts as failed.',
    'Give the place of each failed event in the array that the handler got, from 0.',
  ],
  JP_HANDLER_CRASHED: [
    'The process died again and again while a handler was at an event.',
    'See what the handler does with this event; a crash leaves no other trace here.',
  ],
  JP_HANDLER_TIMEOUT: [
    'A handler took longer than its timeout.',
    'Make it faster, pass context.signal to what it waits for, or raise its timeout.',
  ],
  JP_STORE_KEY_INVALID: ['A store key is not a string of 1–512 bytes.', 'Use another key.'],
  JP_STORE_VALUE_INVALID: [
    'A value cannot be kept as JSON, or an update did not return one.',
    'Return a plain JSON value.',
  ],
  JP_STORE_FULL: [
    'A bucket has reached store.maxBytes and refuses writes.',
    'Raise store.maxBytes, or have the plugin delete values.',
  ],
  JP_STORE_UNAVAILABLE: ['The store did not answer.', 'See the cause; the event is tried again.'],
  JP_HTTP_LISTEN: ['The HTTP address cannot be listened on.', 'Give another with --http HOST:PORT, or http.listen.'],

  // commands
  JP_NO_HOST: [
    'No running host answered.',
    'Start one with `npx jetplug start`, or name the server of a running one with --servers.',
  ],
  JP_NOT_FOUND: ['There is nothing by that name.', 'The message names what there is, or the command that lists it.'],
  JP_FILE_EXISTS: [
    'A file that was to be written is there already.',
    'Choose another name, or move the file away: nothing is overwritten.',
  ],
  JP_FILE_UNWRITABLE: [
    'A file cannot be written, or the folder that it belongs in cannot be read.',
    'Give the folder to the user that runs the command, free space on its disk, or name another folder.',
  ],

  // testing kit
  JP_TEST_UNSETTLED: [
    'Not everything was settled in the time that `settled()` waits.',
    'While a handler runs the time of a test stands still: end what it waits for, move the time with clock.advance(), or give settled({ within }) more.',
  ],
  JP_UNCAUGHT_ERROR: [
    'An error that nobody caught, and that cannot be told to be a plugin’s.',
    'The place named, or its stack (on a terminal: start with --verbose), says where it arose; where that is in Jetplug itself, please report it.',
  ],
  JP_LOOP_BLOCKED: [
    'The event loop is kept busy by what cannot be told to be a plugin’s.',
    'The place named, or the stack (on a terminal: start with --verbose), says by what; at the start of a host with many plugins it may be their compiling.',
  ],
  JP_INTERNAL: ['Something failed that should not.', 'Please report it, with its stack.'],
} as const satisfies Record<string, readonly [meaning: string, hint: string]>;

/** The stable code of an error; `docs/errors.md` lists them. */
export type ErrorCode = keyof typeof ERRORS;

/** What is known of an error beside its message. */
export interface ErrorDetails extends Partial<Location> {
  plugin?: string | undefined;
  hint?: string | undefined;
  cause?: unknown;
}

/** How an error is printed for programs (`--json`). */
export interface ErrorReport {
  code: ErrorCode;
  message: string;
  plugin?: string;
  file?: string;
  line?: number;
  hint?: string;
}

const ERROR_MARK = Symbol.for('jetplug.error');

/** An error of the catalogue: it names what happened, where, and what mends it. */
export class JetplugError extends Error {
  override readonly name: string = 'JetplugError';
  readonly [ERROR_MARK] = true;
  readonly plugin: string | undefined;
  readonly file: string | undefined;
  /** Counts from 1. */
  readonly line: number | undefined;
  readonly hint: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.plugin = details.plugin;
    this.file = details.file;
    this.line = details.line;
    this.hint = details.hint ?? ERRORS[code][1];
  }

  /** The same error, with what only the caller knows added. */
  with(details: ErrorDetails): JetplugError {
    const known = { plugin: this.plugin, file: this.file, line: this.line, hint: this.hint, cause: this.cause };
    const given = Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
    return new JetplugError(this.code, this.message, { ...given, ...dropUndefined(known) });
  }

  toJSON(): ErrorReport {
    const { code, message, plugin, file, line, hint } = this;
    return { code, message, ...dropUndefined({ plugin, file, line, hint }) };
  }
}

/** Never throws. */
export function isJetplugError(error: unknown): error is JetplugError {
  return hasMark(error, ERROR_MARK);
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

function dropUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
