import { signal } from '@preact/signals';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly link?: { readonly href: string; readonly text: string };
}

const SHOWN_MS = 6_000;
const MAX_NOTICES = 4;

const notices = signal<readonly Notice[]>([]);
let lastId = 0;

/** Shows a change of state for some seconds. Screen readers read it aloud. */
export function announce(text: string, link?: Notice['link']): void {
  const notice: Notice = { id: ++lastId, text, ...(link && { link }) };
  notices.value = [...notices.value, notice].slice(-MAX_NOTICES);
  setTimeout(() => {
    notices.value = notices.value.filter(({ id }) => id !== notice.id);
  }, SHOWN_MS);
}

export function Announcer() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, text, link }) => (
        <p class="notice" key={id}>
          {text} {link && <a href={link.href}>{link.text}</a>}
        </p>
      ))}
    </div>
  );
}
