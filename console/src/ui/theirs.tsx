import type { ReactNode } from 'react';
import { Button } from './controls.tsx';

/** Somebody else was faster, and what one has typed is not what one has seen. */
export function Theirs({ onShow }: { onShow(): void }): ReactNode {
  return (
    <div className="note note-warn" role="status">
      <div>Somebody else changed this meanwhile. Saving is refused until you have seen theirs.</div>
      <Button look="quiet" onClick={onShow}>
        Show theirs
      </Button>
    </div>
  );
}
