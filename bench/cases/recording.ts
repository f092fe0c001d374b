import type { Case, Figure, Measurement } from '../core/case';
import type { Ground } from '../core/ground';
import { host } from '../core/host';
import { work } from '../core/work';

const EVENTS = 100_000;
/** The plugins, by the work that they do. */
const PLUGINS = { drain: 'count', store: 'store-many' } as const;
/** The values of `tracing.sample`. */
const SHARES = [0.01, 1] as const;

/** The cost of the records of runs. The host that records nothing is the baseline: it counts as `documented` and `best`. */
export const recording: Case = {
  name: 'recording',
  about: 'drain and store with the runs of 1 % and of all events recorded, against the same host with recording off',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    return (Object.keys(PLUGINS) as (keyof typeof PLUGINS)[]).flatMap((name) => [
      baseline(hostOf(ground, name, 'off', events), name),
      ...SHARES.map((share) => hostOf(ground, name, share, events)),
    ]);
  },
};

function hostOf(ground: Ground, name: keyof typeof PLUGINS, sample: number | 'off', events: number): Measurement {
  return work(ground, {
    case: caseOf(name, sample),
    subject: 'jetplug',
    start: host({ plugin: PLUGINS[name], sample }),
    unit: name === 'drain' ? 'events/s' : 'updates/s',
    events,
    verify: () => ground.checkSettled(1, events),
  });
}

function caseOf(name: string, sample: number | 'off'): string {
  return `recording ${name} ${sample === 'off' ? sample : `${sample * 100} %`}`;
}

/** Makes the figures of a measurement those to which each share is compared. */
function baseline({ label, measure }: Measurement, name: string): Measurement {
  const renamed = (figure: Figure, share: number): Figure[] => {
    const named = figure.case.replace(caseOf(name, 'off'), caseOf(name, share));
    return [
      { ...figure, case: named, subject: 'documented' },
      { ...figure, case: named, subject: 'best' },
    ];
  };
  return {
    label,
    measure: async () => (await measure()).flatMap((figure) => SHARES.flatMap((share) => renamed(figure, share))),
  };
}
