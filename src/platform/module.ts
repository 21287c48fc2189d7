import type { Consumer } from './events/consumer.ts';
import type { EventType } from './events/define.ts';
import type { EventCount } from './events/event-counts.ts';
import type { Router } from './http/router.ts';
import type { JobKind } from './jobs/define.ts';
import type { Schedule } from './jobs/schedule.ts';
import type { Channel } from './realtime/socket/channel.ts';

/** A feature as the roles see it: its faces. `index.ts` of a module returns this with the module's own methods. */
export interface Module {
  readonly name: string;
  /** Mounted by the `api` role. */
  routes?(router: Router): void;
  /** What can be followed on a WebSocket; the `api` role's, too. */
  readonly channels?: readonly Channel[];
  /** Every event type this module announces. */
  readonly events?: readonly EventType[];
  /** Business metrics that are counted from those. */
  readonly counts?: readonly EventCount[];
  /** Mounted by the `worker` role. */
  readonly consumers?: readonly Consumer[];
  readonly jobs?: readonly JobKind[];
  readonly schedules?: readonly Schedule[];
}
