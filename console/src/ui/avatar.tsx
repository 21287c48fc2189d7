import type { ReactNode } from 'react';
import { hueOf, initials } from '../lib/speakers.ts';

type AvatarProps = {
  name: string;
  kind: 'agent' | 'user' | 'seat' | 'system';
  hue?: number;
  size?: 'small' | 'medium' | 'large';
};

/** People are round, agents have corners, seats a broken edge: nobody need tell them apart by colour. */
export function Avatar({ name, kind, hue, size = 'medium' }: AvatarProps): ReactNode {
  return (
    <span className={`avatar avatar-${kind} avatar-${size} hue-${hue ?? hueOf(name)}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
