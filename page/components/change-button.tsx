import { session } from '../api';
import { Icon, type IconName } from './icon';

interface ChangeButtonProps {
  readonly onClick: () => void;
  readonly icon?: IconName;
  readonly kind?: 'primary' | 'danger';
  readonly disabled?: boolean;
  readonly children: preact.ComponentChildren;
}

/** The element with the reason why a reader's buttons are disabled. */
export const READER_REASON = 'reader-reason';

/** A button that changes something. It is disabled, with the reason, for a reader. */
export function ChangeButton({ onClick, icon, kind, disabled = false, children }: ChangeButtonProps) {
  const isReader = session.value?.role === 'reader';
  return (
    <button
      type="button"
      class={`button ${kind ? `button-${kind}` : ''}`}
      disabled={disabled || isReader}
      {...(isReader && {
        title: 'Your token may only read. Sign in with an operator’s token to change things.',
        'aria-describedby': READER_REASON,
      })}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
