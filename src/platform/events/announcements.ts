import type { SystemTx, Tx } from '../db/queries.ts';
import type { PendingEvent } from './define.ts';
import { insertOutbox } from './sql.ts';

/** Where transactions hand in what they announce, and who is told once it is committed. */
export interface Announcements {
  /** Given to the database: the last statement of every transaction that announced something. */
  writeOutbox(tx: Tx | SystemTx): Promise<void>;
  /** Calls `listener` after each commit in this process with what it announced. Answers how to stop. */
  listen(listener: (events: readonly PendingEvent[]) => void): () => void;
}

export function createAnnouncements(): Announcements {
  const listeners = new Set<(events: readonly PendingEvent[]) => void>();
  return {
    async writeOutbox(tx) {
      const events = [...tx.pendingEvents];
      if (events.length === 0) return;
      await tx.run(insertOutbox(events));
      tx.afterCommit(() => {
        for (const listener of listeners) listener(events);
      });
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
