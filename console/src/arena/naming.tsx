import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { Button } from '../ui/controls.tsx';
import { isAwaitingChoice } from './stage/roles.ts';

/** While the next speaker is to be named: how, and what it does to the turn under way. */
export function Naming({ discussion, onLeave }: { discussion: Discussion; onLeave(): void }): ReactNode {
  const awaited = isAwaitingChoice(discussion);
  return (
    <p className={awaited ? 'naming naming-awaited' : 'naming'} role="status">
      <span>
        {!awaited && <strong>Who speaks next? </strong>}Choose a place at the table, or press its number.
        {!awaited && discussion.status === 'running' && ' Whoever is speaking stops; what was said is kept.'}
        {!awaited && discussion.status === 'waiting' && ' The turn that is waited for is passed over.'}
      </span>
      {!awaited && (
        <Button look="quiet" onClick={onLeave}>
          Never mind
        </Button>
      )}
    </p>
  );
}
