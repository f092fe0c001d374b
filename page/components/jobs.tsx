import type { Job } from '../../host/page/api';
import { asFailure, post } from '../api';
import { count, plural } from '../lib/format';
import { jobs } from '../live';
import { announce } from './announcer';
import { ChangeButton } from './change-button';
import { JobPill } from './state';
import { Time } from './time';

/** The changes of many letters: those that run, and those of the last hour. */
export function Jobs() {
  const running = jobs.value.filter(({ state }) => state === 'running');
  const ended = jobs.value.filter(({ state }) => state !== 'running');
  if (jobs.value.length === 0) return null;
  return (
    <section class="jobs" aria-label="Jobs">
      {running.map((job) => (
        <RunningJob key={job.id} job={job} />
      ))}
      {ended.length > 0 && (
        <details class="details card">
          <summary>{plural(ended.length, 'job')} of the last hour</summary>
          <ul class="plain">
            {ended.map((job) => (
              <li key={job.id} class="ended-job">
                <JobPill state={job.state} /> {nameOf(job)}: {outcomeOf(job)} <span class="quiet">by {job.by}, </span>
                <span class="quiet">
                  <Time at={job.startedAt} />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function RunningJob({ job }: { readonly job: Job }) {
  const { id, total, done, failed, arrived } = job;
  const cancel = (): void => {
    post(`/api/jobs/${encodeURIComponent(id)}/cancel`).then(
      () => announce('The job stops after the letter at hand.'),
      (error: unknown) => announce(`The job is not cancelled: ${asFailure(error).message}`),
    );
  };
  return (
    <div class="card job">
      <div class="job-head">
        <span class="strong">{nameOf(job)}</span>
        <span class="num">
          {count(done)} of {count(total)}
          {failed > 0 && <span class="bad">, {count(failed)} failed</span>}
        </span>
        <ChangeButton onClick={cancel}>Cancel</ChangeButton>
      </div>
      <progress max={Math.max(1, total)} value={done} aria-label={`${nameOf(job)}: progress`} />
      {arrived > 0 && (
        <p class="note note-warn" role="status">
          {plural(arrived, 'new letter')} of the same handlers since the job began. The cause may still be there.
        </p>
      )}
    </div>
  );
}

function nameOf({ kind, total }: Job): string {
  return `${kind === 'redrive' ? 'Redrive' : 'Drop'} ${plural(total, 'letter')}`;
}

function outcomeOf({ done, failed, arrived, error }: Job): string {
  return [
    `${count(done)} done`,
    failed > 0 && `${count(failed)} failed`,
    arrived > 0 && `${count(arrived)} new ones meanwhile`,
    error,
  ]
    .filter(Boolean)
    .join(', ');
}
