import type { DiscussionStatus } from '@parley/sdk';
import type { ReactNode } from 'react';

const WORDS: Record<DiscussionStatus, string> = {
  created: 'not started',
  running: 'live',
  waiting: 'waiting',
  paused: 'paused',
  completed: 'completed',
  cancelled: 'cancelled',
  failed: 'failed',
};

export function StatusPill({ status }: { status: DiscussionStatus }): ReactNode {
  return <span className={`pill pill-${status}`}>{WORDS[status]}</span>;
}
