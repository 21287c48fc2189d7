import { type Static, Type } from 'typebox';
import type { TurnPolicy } from '../policy.ts';

const type = Type.Literal('manual');
const Asked = Type.Object({ type }, { additionalProperties: false, title: 'Manual' });
const Kept = Type.Object({ type }, { title: 'ManualPolicy' });

/** A person names who speaks, each time. */
export const manual: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'manual',
  asked: Asked,
  kept: Kept,
  settle: (asked) => ({ policy: asked }),
  next: () => ({ kind: 'wait', reason: 'choose_next' }),
};
