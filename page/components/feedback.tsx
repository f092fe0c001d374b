import type { ApiFailure } from '../api';
import { announce } from './announcer';
import { Icon } from './icon';

/** Lines in place of data that is loading. They appear only after a moment, so that quick answers do not flicker. */
export function Skeleton({ lines = 5 }: { readonly lines?: number }) {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">Loading …</span>
      {Array.from({ length: lines }, (_, index) => (
        <div class="skeleton-line" key={index} />
      ))}
    </div>
  );
}

interface FailureProps {
  readonly error: Pick<ApiFailure, 'code' | 'message' | 'hint'>;
  readonly retry?: () => void;
}

/** An error with its code and the way to mend it. */
export function Failure({ error, retry }: FailureProps) {
  return (
    <div class="failure" role="alert">
      <Icon name="error" />
      <div>
        <p class="failure-text">{error.message}</p>
        {error.hint && <p>{error.hint}</p>}
        <p class="quiet">
          <code>{error.code}</code>
        </p>
      </div>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: preact.ComponentChildren;
  readonly command?: string | undefined;
}

/** Says that there is nothing, and names the next step. */
export function Empty({ title, children, command }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
      {command && <Command text={command} />}
    </div>
  );
}

/** A command to copy. */
export function Command({ text }: { readonly text: string }) {
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => announce('Copied.'),
      () => announce('The browser does not permit copying here.'),
    );
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" class="icon-button" onClick={copy} aria-label={`Copy the command ${text}`} title="Copy">
        <Icon name="copy" />
      </button>
    </span>
  );
}
