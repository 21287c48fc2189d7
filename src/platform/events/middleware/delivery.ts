import type { Ctx } from '../../context.ts';
import type { LogEvent } from '../define.ts';

/** One event on its way to one group's handler. */
export type Delivery = {
  readonly event: LogEvent;
  readonly group: string;
  /** The tenant's ctx, in which the group acts. Each layer may narrow its signal or its trace. */
  readonly ctx: Ctx;
};

/** What layers wrap and what they become: a throw means that nothing has happened. */
export type Handle = (delivery: Delivery) => Promise<void>;

/** This process is no longer the group's holder: what it does must not count, and it must stop. */
export class Fenced extends Error {
  constructor(group: string) {
    super(`Another process handles the events of ${group} now`);
  }
}
