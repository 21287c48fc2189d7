import type { ReactNode } from 'react';

/** Drawn on a 20 × 20 field with the text's colour. */
const PATHS = {
  talk: 'M3 5.500h10.500v7H8l-3 2.800v-2.800H3zM15.500 8.500H17v7h-1.500V18l-2.700-2.500H9.500',
  agent:
    'M10 3.200v1.600M5.500 5.500h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-6a2 2 0 0 1 2-2zM7.500 9.500v1.500M12.500 9.500v1.500',
  document: 'M5.500 2.800h6l3.500 3.500v10.900h-9.500zM11.500 2.800v3.500h3.500M8 10h4.500M8 13h4.500',
  settings: 'M3 6h7M14 6h3M12 4v4M3 14h3M10 14h7M8 12v4',
  plus: 'M10 4v12M4 10h12',
  search: 'M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM12.800 12.800 17 17',
  close: 'M5 5l10 10M15 5 5 15',
  pause: 'M7 5v10M13 5v10',
  play: 'M7 4.500v11l8.500-5.500z',
  stop: 'M5.500 5.500h9v9h-9z',
  skip: 'M5 5v10l7-5zM15 5v10',
  send: 'M10 16V4.500M5 9.500l5-5 5 5',
  down: 'M10 4v11.500M5 10.500l5 5 5-5',
  up: 'M5 12l5-5 5 5',
  chevron: 'M5 8l5 5 5-5',
  back: 'M12 4.500 6.500 10l5.500 5.500',
  sun: 'M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 1.800v1.700M10 16.500v1.700M1.800 10h1.700M16.500 10h1.700M4.200 4.200l1.200 1.200M14.600 14.600l1.200 1.200M15.800 4.200l-1.200 1.200M5.400 14.600l-1.200 1.200',
  moon: 'M16 12.200A6.700 6.700 0 0 1 7.800 4a6.700 6.700 0 1 0 8.200 8.200z',
  system: 'M3.500 4.500h13v9h-13zM7.500 16.500h5M10 13.500v3',
  copy: 'M7 7h9v9H7zM13 7V4H4v9h3',
  check: 'M4.500 10.500 8.500 14.500 15.500 6',
  warn: 'M10 3.500 17.500 16h-15zM10 8.500v3.500M10 14v.2',
  info: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 9v4.500M10 6.500v.2',
  trash: 'M4 6h12M8 6V4h4v2M5.500 6l.8 10.500h7.400L14.500 6',
  key: 'M7 9.500a3.200 3.200 0 1 0 0 6.400 3.200 3.200 0 0 0 0-6.400zM9.400 10.500 16 4M13.500 6.500l2 2',
  user: 'M10 3.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4 16.500c.5-3.200 2.900-5 6-5s5.500 1.800 6 5',
  out: 'M8 4H4v12h4M12 6.500l3.500 3.500-3.500 3.500M15.500 10H8',
  archive: 'M3.500 4.500h13V8h-13zM4.500 8v8h11V8M8 11h4',
  keyboard: 'M2.500 5.500h15v9h-15zM5.500 8.500h.2M8.500 8.500h.2M11.500 8.500h.2M14.500 8.500h.2M6.500 11.500h7',
  edit: 'M4 16l.8-3.400L13.500 4 16 6.500l-8.600 8.700z',
  panel: 'M3.500 4.500h13v11h-13zM12 4.500v11',
} as const;

export type IconName = keyof typeof PATHS;

/** Ornament only: what it means is said by the text or label beside it. */
export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo(): ReactNode {
  return (
    <svg className="logo-mark" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path
        d="M9 4.600a4.100 4.100 0 1 0-3 4c-.3 2.200-1.600 3.800-3.800 4.900l1 1.800C7 13.600 9 10.400 9 5.800z"
        className="logo-a"
      />
      <path
        d="M11 15.400a4.100 4.100 0 1 0 3-4c.3-2.200 1.600-3.800 3.800-4.900l-1-1.800C13 6.400 11 9.600 11 14.200z"
        className="logo-b"
      />
    </svg>
  );
}
