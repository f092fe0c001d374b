const PATHS = {
  overview: 'M3 12h4l3-8 4 16 3-8h4',
  plugins: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  flow: 'M5 6h4a3 3 0 0 1 3 3v6a3 3 0 0 0 3 3h4M5 18h4M15 6h4M3 6h.01M21 18h.01',
  dead: 'M4 5h16v14H4zM4 6l8 7 8-7',
  trace: 'M4 6h9M8 12h10M12 18h8',
  events: 'M13 3 5 14h6l-1 7 9-12h-6z',
  store:
    'M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  audit: 'M9 3h6v4H9zM9 5H5v16h14V5h-4M9 12h6M9 16h6',
  more: 'M4 7h16M4 12h16M4 17h16',
  light:
    'M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 1v2M12 21v2M4 4l1.5 1.5M18.5 18.5 20 20M1 12h2M21 12h2M4 20l1.5-1.5M18.5 5.5 20 4',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  auto: 'M3 4h18v12H3zM8 20h8M12 16v4',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 4l12 8-12 8z',
  redrive: 'M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  drop: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  check: 'M5 12.5 10 17 19 7',
  warning: 'M12 4 2.5 20h19zM12 10v4M12 17h.01',
  error: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5v5.5M12 16h.01',
  right: 'M9 5l7 7-7 7',
  left: 'M15 5l-7 7 7 7',
  keys: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8',
} as const;

export type IconName = keyof typeof PATHS;

/** A decorative drawing: the text beside it, or the label of its button, has the meaning. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
