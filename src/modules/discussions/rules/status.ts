export const STATUSES = ['created', 'running', 'waiting', 'paused', 'completed', 'cancelled', 'failed'] as const;
export type Status = (typeof STATUSES)[number];

/** What can happen to a discussion. `speak`: an agent has the turn (or a model is asked); `wait`: a person has it. */
export const ACTIONS = ['speak', 'wait', 'pause', 'complete', 'cancel', 'fail'] as const;
export type Action = (typeof ACTIONS)[number];

const alive = { complete: 'completed', cancel: 'cancelled', fail: 'failed' } as const;

/** The whole state machine: what is not here cannot happen. What has ended stays ended. */
const TABLE: Readonly<Record<Status, Readonly<Partial<Record<Action, Status>>>>> = {
  // A fork, or limits given with the start, may leave nothing to begin.
  created: { speak: 'running', wait: 'waiting', ...alive },
  running: { speak: 'running', wait: 'waiting', pause: 'paused', ...alive },
  waiting: { speak: 'running', wait: 'waiting', pause: 'paused', ...alive },
  paused: { speak: 'running', wait: 'waiting', ...alive },
  completed: {},
  cancelled: {},
  failed: {},
};

/** The status after `action`, or null when it cannot happen in this status. */
export const after = (status: Status, action: Action): Status | null => TABLE[status][action] ?? null;

export const hasEnded = (status: Status): boolean =>
  status === 'completed' || status === 'cancelled' || status === 'failed';

/** Whether time counts against `max_seconds`. */
export const isGoing = (status: Status): boolean => status === 'running' || status === 'waiting';
