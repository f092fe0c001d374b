import { href } from '../route';
import { Icon, type IconName } from './icon';

interface HeadProps {
  readonly title: preact.ComponentChildren;
  readonly back?: { readonly href: string; readonly text: string };
  readonly note?: preact.ComponentChildren;
  readonly children?: preact.ComponentChildren;
}

/** The head of a view: its title, a line about it, and its actions. */
export function ViewHead({ title, back, note, children }: HeadProps) {
  return (
    <header class="view-head">
      <div class="view-title">
        {back && (
          <a class="back" href={back.href} data-back>
            <Icon name="left" />
            {back.text}
          </a>
        )}
        <h1 tabIndex={-1}>{title}</h1>
        {note && <p class="quiet">{note}</p>}
      </div>
      {children && <div class="actions">{children}</div>}
    </header>
  );
}

interface CardProps {
  readonly title: string;
  readonly aside?: preact.ComponentChildren;
  readonly children: preact.ComponentChildren;
  readonly isFlush?: boolean;
}

export function Card({ title, aside, children, isFlush = false }: CardProps) {
  return (
    <section class={isFlush ? 'card card-flush' : 'card'}>
      <header class="card-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A handler's name, which leads to its plugin. */
export function HandlerLink({ plugin, handler }: { readonly plugin: string; readonly handler: string }) {
  return (
    <a href={href(['plugins', plugin])} class="mono">
      {plugin}.{handler}
    </a>
  );
}

export function EventLink({ subject }: { readonly subject: string }) {
  return (
    <a href={href(['events', subject])} class="mono">
      {subject}
    </a>
  );
}

/** Names and values. Those without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, preact.ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

interface SearchProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (text: string) => void;
  readonly placeholder?: string;
}

/** The search field of a view; the key `/` leads to it. */
export function Search({ label, value, onInput, placeholder = label }: SearchProps) {
  return (
    <label class="search">
      <Icon name={'search' satisfies IconName} />
      <span class="visually-hidden">{label}</span>
      <input
        class="input"
        type="search"
        data-search
        placeholder={placeholder}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}
