import type { Db } from '../../platform/db/queries.ts';
import type { EventCount } from '../../platform/events/event-counts.ts';
import { takeCensus } from '../../platform/telemetry/census.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { countByStatus } from './store.ts';

/** How many discussions there are, by status. */
export function measureDiscussions(metrics: Metrics, db: Db): void {
  takeCensus(metrics, {
    name: 'discussions',
    help: 'Discussions by status.',
    labels: ['status'],
    read: async () =>
      (await db.system.all(countByStatus)).map(({ status, count }) => ({ labels: [status], value: count })),
  });
}

/** What happens in them. */
export const DISCUSSION_COUNTS: readonly EventCount[] = [
  {
    name: 'discussion_turns_total',
    help: 'Turns: begun (the first attempt), begun anew, skipped, and attempts that failed.',
    labels: ['outcome'],
    types: ['turn_started', 'turn_skipped', 'turn_failed'],
    of: ({ type, data }) => {
      if (type === 'turn_skipped') return { labels: ['skipped'] };
      if (type === 'turn_failed') return { labels: ['failed'] };
      return { labels: [(data as { attempt: number }).attempt === 1 ? 'begun' : 'begun_anew'] };
    },
  },
  {
    name: 'discussion_messages_total',
    help: 'Messages, by the kind of their author.',
    labels: ['author'],
    types: ['message_posted'],
    of: ({ data }) => ({ labels: [(data as { author_kind: string }).author_kind] }),
  },
  {
    name: 'discussions_ended_total',
    help: 'Discussions that came to an end, by how: completed, or cancelled by somebody.',
    labels: ['outcome'],
    types: ['discussion_completed', 'discussion_cancelled'],
    of: ({ type, data }) => ({
      labels: [type === 'discussion_cancelled' ? 'cancelled' : (data as { status: string }).status],
    }),
  },
];
