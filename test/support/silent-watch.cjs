// Loaded before a host: `fs.watch` reports nothing, as on a file system whose changes the kernel does not see.
'use strict';
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

fs.watch = () =>
  Object.assign(new EventEmitter(), { close: () => undefined, ref: () => undefined, unref: () => undefined });
syncBuiltinESMExports();
