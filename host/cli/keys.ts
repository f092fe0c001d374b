const CTRL_C = '\u0003';

/** The input of a terminal. */
export type Terminal = Pick<NodeJS.ReadStream, 'off' | 'on' | 'pause' | 'setEncoding' | 'setRawMode'>;

export interface Keys {
  /** Restores the terminal. */
  stop(): void;
}

/**
 * Reads single keys from the terminal. A key that is pressed while the last one is still at work is ignored. So are
 * pasted texts and the sequences of special keys, which come as several characters at once.
 * @param end called for q and Ctrl-C, at any time
 */
export function readKeys(terminal: Terminal, act: (key: string) => Promise<void>, end: () => void): Keys {
  let isBusy = false;
  const take = (text: string): void => {
    if (text.includes(CTRL_C) || text === 'q') return end();
    if (isBusy || text.length !== 1) return;
    isBusy = true;
    void act(text).finally(() => (isBusy = false));
  };
  // A terminal that is closed cannot be read any more. Its SIGHUP stops the host.
  terminal.on('error', () => undefined);
  terminal.setEncoding('utf8');
  terminal.setRawMode(true);
  terminal.on('data', take);
  return {
    stop: () => {
      terminal.off('data', take);
      terminal.setRawMode(false);
      terminal.pause();
    },
  };
}
