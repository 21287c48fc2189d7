import type { Consumer } from './events/consumer.ts';
import type { EventType } from './events/define.ts';
import type { Router } from './http/router.ts';
import type { JobKind } from './jobs/define.ts';
import type { Schedule } from './jobs/schedule.ts';

/** A feature as the roles see it: its faces. `index.ts` of a module returns this with the module's own methods. */
export interface Module {
  readonly name: string;
  /** Mounted by the `api` role. */
  routes?(router: Router): void;
  /** Every event type this module announces. */
  readonly events?: readonly EventType[];
  /** Mounted by the `worker` role. */
  readonly consumers?: readonly Consumer[];
  readonly jobs?: readonly JobKind[];
  readonly schedules?: readonly Schedule[];
}
