import type { ConnectionState, LogEvent, Order, OrderEvent } from '@parley/sdk';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useEvery } from '../../lib/live.ts';
import { useCan, useClient } from '../../lib/session.tsx';
import { isKnown } from './words.ts';

type Kept = Exclude<OrderEvent, { type: 'reset' }>;

export type Watched = {
  order: Order | undefined;
  events: readonly Kept[];
  state: ConnectionState['state'];
  error: unknown;
  reload(): void;
  /** A newer state of it, from what one has just done. */
  set(order: Order): void;
};

/** What the payment does between two events is nowhere announced. */
const PAYING_MS = 2_500;
const HISTORY = 100;

/** An order and every step of it: read once, and followed from there without a hole. */
export function useOrder(id: string): Watched {
  const client = useClient();
  const history = useCan()('events:read');
  const [order, setOrder] = useState<Order>();
  const [events, setEvents] = useState<readonly Kept[]>([]);
  const [state, setState] = useState<ConnectionState['state']>('connecting');
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  // The newest version wins, whichever answer comes first.
  const put = useCallback(
    (read: Order) => setOrder((before) => (before && before.version > read.version ? before : read)),
    [],
  );

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const follow = async (): Promise<void> => {
      for (;;) {
        const read = await client.orders.get(id, { signal });
        put(read);
        if (history) setEvents(await pastOf(client, id, signal));
        let gap = false;
        const onConnection = (now: ConnectionState): void => setState(now.state);
        for await (const event of client.orders.events(id, { cursor: read.cursor, signal, onConnection })) {
          gap = event.type === 'reset';
          if (gap) break;
          if (!isKnown(event)) continue;
          setEvents((before) => (before.some((one) => one.id === event.id) ? before : [...before, event]));
          put(await client.orders.get(id, { signal }));
        }
        // After a reset there is a hole: all of it is read anew.
        if (!gap) return;
      }
    };
    void round;
    setError(undefined);
    follow().catch((problem: unknown) => {
      if (!signal.aborted) setError(problem);
    });
    return () => controller.abort();
  }, [client, id, history, round, put]);

  const latest = useRef(order);
  latest.current = order;
  useEvery(PAYING_MS, () => {
    const status = latest.current?.payment.status;
    if (status !== 'none' && status !== 'pending' && status !== 'refunding') return;
    if (latest.current?.status === 'expired') return;
    client.orders.get(id).then(put, () => undefined);
  });
  return { order, events, state, error, reload: () => setRound((before) => before + 1), set: put };
}

/** What the log holds of it, the oldest first. */
async function pastOf(client: ReturnType<typeof useClient>, id: string, signal: AbortSignal): Promise<readonly Kept[]> {
  const { items } = await client.events.list({ stream: `orders/${id}`, limit: HISTORY }, { signal });
  return items.map(keptOf).filter(isKnown).reverse();
}

const keptOf = ({ type, id, time, data, epoch, position }: LogEvent): Kept =>
  ({ type, id, time, data, cursor: `${epoch}.${position}` }) as Kept;
