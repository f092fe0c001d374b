import type { ErrorTexts } from './texts';

export const RUNNING_ERRORS = {
  JP_DURATION_INVALID: ['A length of time has an invalid format.', 'Write it like 250ms, 30s, 2m, 1.5h or 7d.'],
  JP_SUBJECT_INVALID: [
    'A subject is not valid.',
    'Use dot-separated tokens without white space, and wildcards only to subscribe.',
  ],
  JP_EVENT_INVALID: [
    'The fields of an event do not fit its contract, or are not JSON.',
    'Correct the fields that the message names.',
  ],
  JP_NUMBER_INEXACT: [
    'A number has more digits than a JavaScript number holds, or is too large or too small for one, and would be changed silently.',
    'Write it as a string, in quotes.',
  ],
  JP_PUBLISH_FAILED: [
    'An event could not be stored in its stream.',
    'The message gives the reason. An event that a handler publishes is retried with the handler’s event.',
  ],
  JP_PUBLISH_BACKLOG: [
    'The connection to the NATS server is lost, and too many published events wait for it.',
    'Await each publish, so that fewer events wait at once. Publish this event again when the server is back.',
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
  JP_OUTBOX_FAILED: [
    'A method of an outbox failed: take, remove or refuse. The relay tries again, after growing waits of up to 30 s.',
    'The cause has the error of the database. If a row was returned again, correct take, or the method that removes or marks rows.',
  ],
  JP_RELAY_OPTION: ['An option of relay is not valid.', 'Correct the option that the message names.'],
  JP_RUN_OVER: [
    'A handler used its store or event bus after its run had ended.',
    'Await all work that the handler starts, and stop it when the handler’s signal is aborted.',
  ],
  JP_BATCH_EVENT: [
    'A handler of batches used its store or event bus without saying for which event of the batch.',
    'Pass { for: event }, with an event of the array that the handler got.',
  ],
  JP_BATCH_COMMIT: [
    'A handler of batches called Store.commit. The changes of a batch are committed together, when the handler has returned.',
    'Give the handler smaller batches (batch.size), or one event at a time.',
  ],
  JP_COMMIT_POINT_MISSED: [
    'A handler did not come to a call of Store.commit that an earlier run of the event has committed, so it is not known which of its changes are new.',
    'Call Store.commit at the same places in each run of an event, also in the plugin’s next version. Changes before such a call are in the store.',
  ],
  JP_BATCH_FAILURE_INVALID: [
    'A BatchFailure names no event, or one that its batch does not have; the whole batch counts as failed.',
    'Give the place of each failed event in the array that the handler got, from 0.',
  ],
  JP_HANDLER_CRASHED: [
    'The process died repeatedly while a handler ran for the same event.',
    'Check how the handler treats this event. With isolation: process, the log gives the reason of each death (JP_PLUGIN_PROCESS_ENDED).',
  ],
  JP_HANDLER_TIMEOUT: [
    'A handler took longer than its timeout.',
    'Make it faster, pass context.signal to the calls that it awaits, or raise its timeout.',
  ],
  JP_STORE_KEY_INVALID: ['A store key is not a string of 1–512 bytes.', 'Use another key.'],
  JP_STORE_VALUE_INVALID: [
    'A value cannot be stored as JSON, or an update did not return a value.',
    'Return a plain JSON value.',
  ],
  JP_STORE_FULL: [
    'A commit log or a bucket has reached its size limit and refuses writes. Nothing is acknowledged that is not stored.',
    'Raise store.logMaxBytes for a commit log, or store.maxBytes for a bucket. The log drops its history by itself, but it keeps all commits that the bucket does not have, or has had for less than about five minutes.',
  ],
  JP_LOG_GAP: [
    'The bucket of a plugin’s store is older than its commit log reaches back, so commits between the two are missing.',
    'Restore a later copy of the bucket. To continue with what is left, run `nats kv del jetplug-<plugin> =checkpoint` and start the plugin again.',
  ],
  JP_LOG_LOST: [
    'The server has lost a plugin’s commit log. The plugin runs on, with the values of its bucket and a new log.',
    'Values that were committed in the last moments before the loss may be missing. Find out why the stream is gone.',
  ],
  JP_STORE_INCOMPLETE: [
    'The server has lost a plugin’s bucket, and the commit log does not reach back to the store’s beginning.',
    'The host has rebuilt the values that the log holds. Restore the others from a copy of the bucket, with `jetplug store PLUGIN KEY --set JSON`.',
  ],
  JP_COMMIT_TOO_LARGE: [
    'The changes and the published events of one run are larger together than the server takes in one message, or than the commit log.',
    'Change or publish less in one run, take smaller batches, or raise max_payload of the server or store.logMaxBytes: the message has the limit.',
  ],
  JP_LOG_SHORTENED: [
    'The commit log of a plugin ends before a commit that was in it. The log was restored from an older backup, or truncated. No run of the plugin is committed.',
    'Restore the log (stream LOG_jetplug-<plugin>) and the bucket jetplug-<plugin> from one backup, and start the hosts again. To run on with the values of the bucket instead, stop the hosts and run `nats stream rm LOG_jetplug-<plugin>`: the next start creates a new log.',
  ],
  JP_LOG_UNREADABLE: [
    'The commit log of a plugin, or its checkpoint, has a part that this host cannot read. No run of the plugin is committed by this host.',
    'If a later version of Jetplug wrote it, upgrade this host too.',
  ],
  JP_RECORD_NEWER: [
    'A later version of Jetplug has written a record on the server, or has set up a stream or a durable. This version leaves it as it is; other plugins run.',
    'Update Jetplug on this host. Hosts of the later version continue.',
  ],
  JP_STORE_UNAVAILABLE: ['The store did not answer.', 'The event is retried. If this lasts, check the NATS server.'],
  JP_HTTP_LISTEN: [
    'The host cannot listen on the HTTP address.',
    'Give another with --http HOST:PORT, or http.listen.',
  ],
  JP_HTTP_TOKEN: [
    'A request to the page, its API or /metrics needs a token, and has none or a wrong one.',
    'Sign in on the page, or send the token as `Authorization: Bearer TOKEN`. The tokens are those of http.operatorTokenFile and http.readerTokenFile.',
  ],
  JP_HTTP_ROLE: [
    'The token permits to look at everything, and to change nothing.',
    'Sign in with the operator’s token (http.operatorTokenFile).',
  ],
  JP_HTTP_FOREIGN: [
    'A request has a Host header that is not a name of this host, or comes from another site.',
    'Open the page by the address that the host prints at its start, or add the name to http.allowedHosts.',
  ],
  JP_HTTP_TRIES: ['An address has sent too many wrong tokens.', 'Wait for a minute, then try the right token.'],
  JP_HTTP_TOO_LARGE: ['A request is larger than the page takes.', 'Send at most 1 MiB.'],
  JP_HTTP_BUSY: [
    'Too many pages are open.',
    'Close some. A page that waits connects again by itself when there is room.',
  ],
} as const satisfies ErrorTexts;
