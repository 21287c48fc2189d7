import type { Permission } from '@parley/sdk';
import type { IconName } from './icon.tsx';

export type Place = {
  to: string;
  label: string;
  icon: IconName;
  needs?: Permission;
  /** What else one may call it, for whoever types. */
  keywords?: string;
  /** On a phone, in the bar at the foot; the others are behind `More`. */
  bar?: true;
};
export type PlaceGroup = { label: string; places: readonly Place[] };

/** Where one can go, as the rail, a phone's sheet and the palette show it. */
export const PLACES: readonly PlaceGroup[] = [
  {
    label: 'Talk',
    places: [
      { to: '/discussions', label: 'Discussions', icon: 'talk', bar: true },
      { to: '/agents', label: 'Agents', icon: 'agent', needs: 'agents:read', bar: true },
      { to: '/documents', label: 'Documents', icon: 'document', needs: 'documents:read' },
    ],
  },
  {
    label: 'Commerce',
    places: [
      {
        ...{ to: '/products', label: 'Products', icon: 'box', needs: 'products:read', bar: true },
        keywords: 'catalog stock prices',
      },
      {
        ...{ to: '/orders', label: 'Orders', icon: 'order', needs: 'orders:read', bar: true },
        keywords: 'sales payments reservations',
      },
    ],
  },
  {
    label: 'Operations',
    places: [
      { to: '/events', label: 'Events', icon: 'list', needs: 'events:read', keywords: 'log explorer trace live' },
      {
        ...{ to: '/dead-letters', label: 'Dead letters', icon: 'letter', needs: 'dead_letters:read' },
        keywords: 'failed requeue discard',
      },
      {
        ...{ to: '/streams', label: 'Streams', icon: 'bars', needs: 'events:read' },
        keywords: 'lag shards consumers groups',
      },
      {
        ...{ to: '/webhooks', label: 'Webhooks', icon: 'hook', needs: 'webhooks:read' },
        keywords: 'deliveries secrets replay',
      },
      { to: '/system', label: 'System', icon: 'pulse', needs: 'events:read', keywords: 'health jobs build' },
    ],
  },
  {
    label: 'Settings',
    places: [
      { to: '/settings', label: 'Settings', icon: 'settings' },
      { to: '/endpoints', label: 'API', icon: 'code', keywords: 'endpoints openapi docs routes' },
    ],
  },
];

/** What the role may see, without groups that are empty then. */
export function placesFor(can: (permission: Permission) => boolean): PlaceGroup[] {
  return PLACES.map(({ label, places }) => ({
    label,
    places: places.filter(({ needs }) => needs === undefined || can(needs)),
  })).filter(({ places }) => places.length > 0);
}

/** Whether an address is this place or one of its pages. */
export const isAt = (path: string, { to }: Place): boolean => path === to || path.startsWith(`${to}/`);
