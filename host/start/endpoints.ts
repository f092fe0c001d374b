import { isPublishSubject, JetplugError } from '../../sdk/internal';
import type { Endpoint } from '../nats/serve-answers';
import { eventInHost } from '../ops/event-in-host';
import { explainPlugins } from '../ops/explain';
import { hostStatus } from '../ops/host-status';
import { routesOf } from '../ops/routes';
import { pluginFigures, pluginStatuses } from '../ops/status';
import { unhandledEvents } from '../ops/unhandled';
import { watchRuns } from '../ops/watch-runs';
import type { DescribedHost } from './described-host';

/** The requests that a host answers, by name. The commands use the same ones. */
export function endpointsOf(describe: () => DescribedHost): Readonly<Record<string, Endpoint>> {
  const statuses = () => {
    const { plugins, connection, lags } = describe();
    return pluginStatuses(plugins, connection, lags);
  };
  return {
    plugins: {
      description: 'The plugins of the host, with their states and the figures of their handlers',
      request: 'empty',
      response: 'a list of plugins',
      answer: statuses,
      figures: async () => pluginFigures(await statuses()),
    },
    status: {
      description: 'The host with its plugins, as the page shows them',
      request: 'empty',
      response: 'an object',
      answer: () => hostStatus(describe()),
    },
    explain: {
      description: 'One plugin, with the origin of each option, or why it does not run',
      request: 'the name of a plugin, or its file',
      response: 'a list of plugins: empty if the host has none by this name',
      answer: async (name) => {
        if (name === '') throw invalid('it has no name of a plugin');
        return explainPlugins(name, describe());
      },
    },
    routes: {
      description: 'Who would receive an event of a subject, and why the others would not',
      request: 'a subject without wildcards',
      response: 'an object',
      answer: async (subject) => {
        if (!isPublishSubject(subject)) throw invalid('it is not a subject without wildcards');
        return routesOf(subject, describe());
      },
    },
    unhandled: {
      description: 'The stored events that no handler of the host takes, by subject',
      request: 'empty',
      response: 'an object',
      answer: () => unhandledEvents(describe()),
    },
    fate: {
      description: 'The handlers of the host that have an event in memory now',
      request: 'the stream of the event, a space, and its sequence',
      response: 'a list of handlers',
      answer: async (event) => {
        if (!/^[^\s.*>]+ [1-9]\d*$/.test(event)) throw invalid('it is not a stream, a space and a sequence');
        return eventInHost(event, describe().plugins);
      },
    },
    tail: {
      description: 'The runs of handlers as they end, for 6 s from the last request',
      request: 'a filter as JSON, or empty',
      response: 'an object, then runs, at most ten times a second',
      answer: (filter, reply) => watchRuns(filter, reply, describe()),
    },
  };
}

function invalid(why: string): JetplugError {
  return new JetplugError('JP_REQUEST_INVALID', `the request is not valid: ${why}`);
}
