import { useState } from 'preact/hooks';
import { session, signOut } from '../api';
import { jobs, overview } from '../live';
import { count } from '../lib/format';
import { href, route } from '../route';
import { nextTheme, theme } from '../theme';
import { announce } from './announcer';
import { Icon, type IconName } from './icon';
import { showKeys } from './keys';

const AREAS: readonly { readonly path: string; readonly text: string; readonly icon: IconName }[] = [
  { path: 'overview', text: 'Overview', icon: 'overview' },
  { path: 'plugins', text: 'Plugins', icon: 'plugins' },
  { path: 'flow', text: 'Flow', icon: 'flow' },
  { path: 'dead', text: 'Dead letters', icon: 'dead' },
  { path: 'trace', text: 'Trace', icon: 'trace' },
  { path: 'events', text: 'Events', icon: 'events' },
  { path: 'store', text: 'Store', icon: 'store' },
  { path: 'audit', text: 'Audit', icon: 'audit' },
];

/** The areas that a phone shows in its bar. The others are behind `More`. */
const IN_BAR = new Set(['overview', 'plugins', 'dead', 'trace']);

export function Nav() {
  const [isOpen, setOpen] = useState(false);
  const [area] = route.value.path;
  return (
    <header class={isOpen ? 'side side-open' : 'side'}>
      <a class="brand" href={href(['overview'])}>
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M18 5 8 18h7l-1 9 10-13h-7z" />
        </svg>
        <span>
          Jetplug
          <span class="deployment">{session.value?.deployment}</span>
        </span>
      </a>
      <nav aria-label="Views">
        <ul class="nav">
          {AREAS.map(({ path, text, icon }) => (
            <li key={path} class={IN_BAR.has(path) ? 'in-bar' : 'in-menu'}>
              <a href={href([path])} aria-current={area === path ? 'page' : undefined} onClick={() => setOpen(false)}>
                <Icon name={icon} />
                <span>{text}</span>
                <Badge area={path} />
              </a>
            </li>
          ))}
          <li class="more">
            <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              <Icon name="more" />
              <span>More</span>
            </button>
          </li>
        </ul>
      </nav>
      <SideFoot />
    </header>
  );
}

/** The number beside an area that wants attention. */
function Badge({ area }: { readonly area: string }) {
  if (area === 'dead') {
    const letters = overview.value?.deadLetters ?? 0;
    const isWorking = jobs.value.some(({ state }) => state === 'running');
    if (letters === 0 && !isWorking) return null;
    return <span class={isWorking ? 'nav-badge nav-badge-busy' : 'nav-badge'}>{count(letters)}</span>;
  }
  const problems = overview.value?.problems.length ?? 0;
  return area === 'overview' && problems > 0 ? <span class="nav-badge nav-badge-bad">{problems}</span> : null;
}

const THEME_TEXT = { auto: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' } as const;

function SideFoot() {
  const known = session.value;
  return (
    <div class="side-foot">
      <p class="who">
        {known?.name ?? 'Local'} <span class="pill pill-quiet">{known?.role}</span>
      </p>
      <div class="side-buttons">
        <button
          type="button"
          class="icon-button"
          onClick={nextTheme}
          aria-label={`${THEME_TEXT[theme.value]}. Change.`}
          title={THEME_TEXT[theme.value]}
        >
          <Icon name={theme.value} />
        </button>
        <button type="button" class="icon-button" onClick={showKeys} aria-label="Keys" title="Keys (?)">
          <Icon name="keys" />
        </button>
        {known?.hasToken && (
          <button
            type="button"
            class="button button-small"
            onClick={() => void signOut().catch((error: unknown) => announce(`Signing out failed: ${String(error)}`))}
          >
            Sign out
          </button>
        )}
      </div>
    </div>
  );
}
