import { away, connect, feed } from '../live';
import { Icon } from './icon';
import { Time } from './time';

/** Says that the numbers are old, and why. */
export function ConnectionBanner() {
  const { value } = feed;
  if (value.state === 'lost') {
    return (
      <aside class="banner banner-bad" aria-label="Connection">
        <Icon name="error" />
        <p>
          <strong>No connection to the host.</strong> The data below is the last that it sent. Next try in{' '}
          <span class="num">{value.retryInS} s</span>.
        </p>
        <button type="button" class="button button-small" onClick={connect}>
          Try now
        </button>
      </aside>
    );
  }
  if (!away.value) return null;
  return (
    <aside class="banner banner-warn" aria-label="Connection">
      <Icon name="warning" />
      <p>
        <strong>The broker does not answer</strong> since <Time at={away.value.since} />: {away.value.reason}. The host
        connects again by itself. No event is lost: unsettled events are redelivered.
      </p>
    </aside>
  );
}
