import type { Discussion, Turn } from '@parley/sdk';
import type { ReactNode } from 'react';
import { Button } from '../ui/controls.tsx';
import { Icon } from '../ui/icon.tsx';

type StumbleProps = { discussion: Discussion; turn: Turn | undefined; onTurn(turn: number): void };

/** A discussion that a failed turn has stopped: what the provider said, and what can be done. */
export function Stumble({ discussion, turn, onTurn }: StumbleProps): ReactNode {
  if (discussion.status !== 'paused' || discussion.needs !== null || !turn?.error) return null;
  return (
    <div className="note note-bad" role="alert">
      <Icon name="warn" />
      <div>
        <strong>{turn.name} could not speak.</strong> {turn.error.message} Resuming tries it again.
      </div>
      <Button look="quiet" onClick={() => onTurn(turn.turn)}>
        The turn
      </Button>
    </div>
  );
}
