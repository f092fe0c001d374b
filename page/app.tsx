import { useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, needsToken, readSession, session, type ApiFailure } from './api';
import { Announcer } from './components/announcer';
import { ConnectionBanner } from './components/banner';
import { READER_REASON } from './components/change-button';
import { Failure, Skeleton } from './components/feedback';
import { KeysHelp, listenToKeys } from './components/keys';
import { Nav } from './components/nav';
import { startClock } from './components/time';
import { away, feed, follow } from './live';
import { followHash, route } from './route';
import { AuditView } from './views/audit';
import { DeadView } from './views/dead';
import { EventsView } from './views/events';
import { FlowView } from './views/flow';
import { OverviewView } from './views/overview';
import { PluginView } from './views/plugin';
import { PluginsView } from './views/plugins';
import { SignIn } from './views/sign-in';
import { StoreView } from './views/store';
import { TraceView } from './views/trace';
import { Empty } from './components/feedback';

const TITLES: Readonly<Record<string, string>> = {
  overview: 'Overview',
  plugins: 'Plugins',
  flow: 'Flow',
  dead: 'Dead letters',
  trace: 'Trace',
  events: 'Events',
  store: 'Store',
  audit: 'Audit',
};

export function App() {
  const [error, setError] = useState<ApiFailure>();
  const start = (): void => {
    setError(undefined);
    readSession().catch((reason: unknown) => {
      if (!needsToken.value) setError(asFailure(reason));
    });
  };
  useEffect(() => {
    followHash();
    startClock();
    start();
    return listenToKeys();
  }, []);
  if (needsToken.value) return <SignIn />;
  if (error) return <Outside>{<Failure error={error} retry={start} />}</Outside>;
  return session.value ? (
    <Shell />
  ) : (
    <Outside>
      <Skeleton lines={3} />
    </Outside>
  );
}

function Outside({ children }: { readonly children: preact.ComponentChildren }) {
  return (
    <main class="outside">
      <h1>Jetplug</h1>
      {children}
    </main>
  );
}

function Shell() {
  useEffect(follow, []);
  const isStale = feed.value.state === 'lost' || away.value !== undefined;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Nav />
      <div class="page">
        <ConnectionBanner />
        <main id="main" class={isStale ? 'main stale' : 'main'} tabIndex={-1}>
          <View />
        </main>
      </div>
      <p id={READER_REASON} hidden>
        Your token may only read. Sign in with an operator’s token to change things.
      </p>
      <Announcer />
      <KeysHelp />
    </div>
  );
}

/** The hash is the route, so the skip link moves the focus itself. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById('main')!.focus();
}

function View() {
  const { path } = route.value;
  const [area = 'overview', name] = path;
  const place = path.join('/');
  const last = useRef(place);
  useEffect(() => {
    document.title = [name, TITLES[area] ?? 'Not found', 'Jetplug'].filter(Boolean).join(' · ');
    if (last.current === place) return;
    last.current = place;
    // A new view: the focus goes to its heading, as after loading a page.
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [place]);
  switch (area) {
    case 'overview':
      return <OverviewView />;
    case 'plugins':
      return name === undefined ? <PluginsView /> : <PluginView name={name} key={name} />;
    case 'flow':
      return <FlowView />;
    case 'dead':
      return <DeadView />;
    case 'trace':
      return <TraceView />;
    case 'events':
      return <EventsView />;
    case 'store':
      return <StoreView />;
    case 'audit':
      return <AuditView />;
    default:
      return (
        <>
          <h1 tabIndex={-1}>Not found</h1>
          <Empty title="There is no such view.">
            <a href="#/overview">Go to the overview</a>
          </Empty>
        </>
      );
  }
}
