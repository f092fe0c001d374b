import type { ErrorTexts } from './texts';

export const PLUGIN_ERRORS = {
  JP_PLUGINS_DIR_MISSING: ['A plugins folder does not exist.', 'Create it, or correct plugins.dirs or --plugins.'],
  JP_PLUGINS_DIR_UNREADABLE: [
    'A plugins folder exists but cannot be read.',
    'Let the user that runs the host read it and enter it (`r` and `x`), or correct plugins.dirs or --plugins.',
  ],
  JP_PLUGIN_SKIPPED: [
    'A file in a plugins folder is not taken for a plugin.',
    'A plugin is name.plugin.ts or .js in a plugins folder itself, or index.plugin.ts or .js in a folder of its own in it.',
  ],
  JP_PLUGIN_SYNTAX: ['A plugin file does not parse.', 'Correct the line named.'],
  JP_PLUGIN_LOAD_FAILED: ['A plugin file threw while it was loaded.', 'Correct the line named.'],
  JP_PLUGIN_LOAD_TIMEOUT: [
    'A plugin did not start in time.',
    'Its constructor or onStart waits for something that does not answer; start such work without awaiting it. Or raise plugins.startTimeout.',
  ],
  JP_PLUGIN_IMPORT_NOT_FOUND: [
    'A plugin imports a file or a package that is neither beside it nor among the host’s packages.',
    'Correct the path, or install the package where the plugin or the host can see it.',
  ],
  JP_PLUGIN_CIRCULAR_IMPORT: [
    'A plugin’s files import each other in a circle, and one uses what another has not defined yet.',
    'Move what both need into a third file, or import it within the function that uses it. Two classes that inject each other: @inject(delay(() => Other)).',
  ],
  JP_PLUGIN_IMPORT_ASYNC: [
    'A plugin, or a module that it imports, awaits at its top level. Plugins are loaded as CommonJS modules, which cannot await there.',
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
  JP_PLUGIN_NAME_INVALID: [
    'A plugin’s or durable’s name is not valid.',
    'Use 1 to 64 characters of a–z, 0–9, - and _. The first and the last are a letter or a digit.',
  ],
  JP_PLUGIN_DUPLICATE_NAME: [
    'Two plugins have one name.',
    'Give one of them another with @Plugin({ name }), or remove one of the files.',
  ],
  JP_PLUGIN_DUPLICATE_DURABLE: [
    'Two handlers have one durable consumer.',
    'Give one of them another with @Subscribe({ durable }).',
  ],
  JP_PLUGIN_OPTIONS: [
    'An option of @Plugin does not exist or has an invalid value, or @Plugin has no parentheses.',
    'Correct it as the message describes.',
  ],
  JP_PLUGIN_PROCESS_ENDED: [
    'The process of an isolated plugin ended.',
    'The host restarts it. The message gives the reason: correct it, or raise the limit that the process reached.',
  ],
  JP_PLUGIN_NO_HANDLER: ['A plugin has no handler.', 'Add @Subscribe() to a method.'],
  JP_PLUGIN_CONSTRUCTOR_FAILED: ['A plugin’s constructor threw.', 'Correct the line named.'],
  JP_PLUGIN_START_FAILED: ['A plugin’s onStart failed.', 'Correct the line named.'],
  JP_PLUGIN_STOP_FAILED: ['A plugin’s onStop failed.', 'Correct the line named.'],
  JP_PLUGIN_LATE_ERROR: [
    'A plugin threw an error, or left a promise rejected, that nothing catches: in a timer, in an event listener, or in work that is not awaited.',
    'Await the work that the plugin starts, catch the errors of its timers, and listen to the `error` event of its emitters.',
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
    'A plugin injects a @singleton() class. All plugins would share its instance, which uses the store of one of them.',
    'Use @scoped(Lifecycle.ContainerScoped): one for each plugin.',
  ],
  JP_INJECT_OUTSIDE_PLUGIN: [
    'One of the host’s services was built with `new`, or by a container that belongs to no plugin.',
    'Inject it into the plugin, or into a class that the plugin’s container builds. In a test, extend the class.',
  ],
  JP_INJECT_FAILED: [
    'Dependency injection could not build a plugin.',
    'Register the dependency that the message names, or give the parameter a class as its type.',
  ],
  JP_PLUGIN_ROLLED_BACK: [
    'The host rolled an edit back, because the first events that the new version handled all failed.',
    'Correct the plugin and save it. Until then, or until the host restarts, the previous version runs.',
  ],
  JP_HANDLER_NO_EVENT: [
    'A handler does not say which event it handles.',
    'Give its parameter a contract’s class as type, imported without `type`, or name it: @Subscribe(VideoWatchStarted).',
  ],
  JP_HANDLER_NOT_A_METHOD: [
    '@Subscribe decorates a member whose body the host would never run: a generator, a static method, a getter, a setter or a property.',
    'Put @Subscribe on an ordinary method of the class, `async` or not. Loop over a generator within the method.',
  ],
  JP_HANDLER_RETURNED_LAZY: [
    'A handler, or a middleware around it, returned work that nobody runs: a generator, an Observable or a function. Its event counts as failed.',
    'Run it in the handler: loop over the generator, await `lastValueFrom(observable)`, call the function; then return nothing.',
  ],
  JP_HANDLER_UNVALIDATED: [
    'A handler on a subject declares a contract as its parameter’s type, but the host does not validate the events of a subject. `jetplug check` warns of it.',
    'Name the contract: @Subscribe(VideoWatchStarted). For several kinds of event, declare the parameter as an Envelope and check its fields.',
  ],
  JP_HANDLER_OTHER_EVENT: [
    'The parameter of a handler is of another contract than @Subscribe names. `jetplug check` warns of it.',
    'Name the same contract in both places. The handler gets the events of the one that @Subscribe names.',
  ],
  JP_CONTRACT_INVALID: [
    'The schema of a contract is no Standard Schema, or its `upcast` is no function.',
    'Pass the validator of an object, such as z.object({ … }), to defineEvent.',
  ],
  JP_CONTRACT_MISMATCH: [
    'Stored events do not fit the contract of a handler. `jetplug check --against-stream` reports them, and `jetplug plan` counts them; a host would dead-letter those that the handler has not handled.',
    'Convert the old form with the option upcast of defineEvent, or make the schema accept it.',
  ],
  JP_HANDLER_FROM_IGNORED: [
    'The option `from` of a handler has no effect, because its durable exists and has started elsewhere. `jetplug check --against-stream` warns of it, and `jetplug plan` shows it.',
    'Leave it if the position is right. Otherwise give the handler a new durable with @Subscribe({ durable }), which starts there.',
  ],
  JP_CONTRACT_ENVELOPE: [
    'The schema of a contract has a field with the name of a field of the envelope. Only a CloudEvent can have it. `jetplug check` warns of it.',
    'Remove the field from the schema: every event has event_type, event_id and timestamp. Or give it another name.',
  ],
  JP_CALL_NOT_AWAITED: [
    'A plugin calls its store or event bus and does not await the promise. `jetplug check` warns of it.',
    'Write `await` before the call. Otherwise the run may be over first, and nothing handles an error.',
  ],
  JP_OUTCOME_NOT_THROWN: [
    'A handler constructs Reject, RetryLater or BatchFailure, and does not throw it, so its event counts as handled.',
    'Write `throw` before it.',
  ],
  JP_HANDLER_OPTIONS: [
    'An option of @Subscribe does not exist or has an invalid value, or @Subscribe has no parentheses.',
    'Correct it as the message describes.',
  ],
  JP_MIDDLEWARE_NOT_LOADED: [
    'A module of plugins.use cannot be loaded, or exports no middleware. No plugin starts without it.',
    'Correct the path in plugins.use, or the module. It exports a function (event, context, next), or a class with the method handle: as default, or as its only function.',
  ],
  JP_MIDDLEWARE_INVALID: [
    '@Use has a value that is no middleware, or decorates a member that is no handler.',
    'Give @Use functions (event, context, next), or classes with the method handle, and put it on the plugin’s class or on a method with @Subscribe.',
  ],
  JP_MIDDLEWARE_NEXT: [
    'A middleware called next() a second time, or after it had returned. The event counts as failed if the middleware had not returned.',
    'Call next() once, and await it: `await next();`.',
  ],
  JP_PROVIDERS_NOT_LOADED: [
    'The file providers.ts of a plugins folder cannot be loaded, or its default export is no list of providers.',
    'Correct the line named. The file has a default export: a list of classes, { token, useClass } and { token, useValue }.',
  ],
  JP_PROVIDERS_START_FAILED: [
    'A provider of a plugins folder could not be built, or its onStart failed. No plugin of the folder starts without it.',
    'Correct the line named, or the service that the provider connects to; the cause has its answer. After a change of a file, the host tries again.',
  ],
  JP_HANDLER_NO_STREAM: [
    'No stream holds the subject that a handler subscribes to.',
    'Add the subject to a stream of the config (streams[].subjects), or correct the subject.',
  ],
  JP_CONSUMER_NOT_UPDATABLE: [
    'A durable consumer on the server differs in a field that cannot be changed in place.',
    'Give the handler a new durable with @Subscribe({ durable }), or delete the consumer: the host creates a consumer that it has used before again, at its last position.',
  ],
  JP_CONSUMER_FOREIGN: [
    'Another program or another deployment created a durable consumer with the name that a handler needs.',
    'Choose another name with @Subscribe({ durable }), take it over with npx jetplug adopt durable NAME, or delete it.',
  ],
  JP_CONSUMER_WORK_QUEUE: [
    'A durable cannot be created on a work-queue stream, which gives each event to one consumer.',
    'Use a stream with the retention limits, or give each subject to one handler or consumer only.',
  ],
} as const satisfies ErrorTexts;
