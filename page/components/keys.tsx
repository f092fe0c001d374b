import { signal } from '@preact/signals';
import { go } from '../route';
import { Dialog } from './dialog';

const isShown = signal(false);

/** The time in which the second key of a pair must follow. */
const PAIR_MS = 1500;

const AREA_KEYS: Readonly<Record<string, string>> = {
  o: 'overview',
  p: 'plugins',
  f: 'flow',
  d: 'dead',
  t: 'trace',
  e: 'events',
  s: 'store',
  a: 'audit',
};

const HELP: readonly (readonly [keys: string, meaning: string])[] = [
  ['j  k  ↓  ↑', 'Next or previous row'],
  ['Enter', 'Open the row'],
  ['x', 'Select the row'],
  ['Esc', 'Close, or go back to the list'],
  ['/', 'Search in this view'],
  ['g then o p f d t e s a', 'Go to overview, plugins, flow, dead letters, trace, events, store, audit'],
  ['?', 'This list'],
];

export function showKeys(): void {
  isShown.value = true;
}

export function KeysHelp() {
  if (!isShown.value) return null;
  return (
    <Dialog title="Keys" onClose={() => (isShown.value = false)}>
      <dl class="keys">
        {HELP.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys
                .split(' ')
                .map((key, index) => (key === 'then' || key === '' ? ` ${key} ` : <kbd key={index}>{key}</kbd>))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/** Listens to the keys that work in every view. Returns a function that ends it. */
export function listenToKeys(): () => void {
  let goUntilMs = 0;
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    const isTyping = target.matches('input:not([type=checkbox]), textarea, select');
    if (isTyping) {
      if (event.key === 'Escape' && target.matches('[data-search]')) target.blur();
      return;
    }
    if (target.closest('dialog')) return;
    if (goUntilMs > Date.now()) {
      goUntilMs = 0;
      const area = AREA_KEYS[event.key];
      if (area !== undefined) return go(`#/${area}`);
    }
    if (event.key === 'g') goUntilMs = Date.now() + PAIR_MS;
    else if (act(event.key, target)) event.preventDefault();
  };
  document.addEventListener('keydown', press);
  return () => document.removeEventListener('keydown', press);
}

/** Does what a key stands for. Returns whether it stands for something here. */
function act(key: string, target: HTMLElement): boolean {
  switch (key) {
    case '?':
      showKeys();
      return true;
    case '/':
      return focusOn(document.querySelector('main [data-search]'));
    case 'j':
    case 'ArrowDown':
      return move(target, 1);
    case 'k':
    case 'ArrowUp':
      return move(target, -1);
    case 'x':
      return press(target.closest('[data-row]')?.querySelector('input[type=checkbox]'));
    case 'Enter':
      return target.matches('[data-row]:not(a, button)') && press(target.querySelector('a'));
    case 'Escape':
      return press(document.querySelector('[data-back]'));
    default:
      return false;
  }
}

/** Moves the focus to the next or previous row. It may begin anywhere in a view. */
function move(target: HTMLElement, step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.findIndex((row) => row === target || row.contains(target));
  const next = at === -1 ? (step === 1 ? rows[0] : undefined) : rows[at + step];
  if (!next) return false;
  next.scrollIntoView({ block: 'nearest' });
  return focusOn(next);
}

function focusOn(element: HTMLElement | null): boolean {
  element?.focus();
  return element !== null;
}

function press(element: HTMLElement | null | undefined): boolean {
  element?.click();
  return Boolean(element);
}
