import { isUuid } from '../../../lib/ids.ts';
import type { Principal } from '../../auth/authenticate.ts';
import type { Permission } from '../../auth/permissions.ts';
import type { Ctx } from '../../context.ts';
import { AppError } from '../../http/errors.ts';
import { validationFailed } from '../../http/validation.ts';
import type { LiveFrame } from '../hub.ts';

/** Everything of the tenant. */
export const EVERYTHING = '*';

/** What of a module can be followed on a WebSocket: `{topic}/{id}`, or with the topic `*` everything of the tenant. */
export type Channel = {
  readonly topic: string;
  readonly permission: Permission;
  /** By what a confined key (a seat's) is bound to one of these. Absent: such a key cannot follow any. */
  readonly confinedBy?: string;
  /** Whether there is such a thing in the caller's tenant. */
  allows(ctx: Ctx, id: string): Promise<boolean>;
  /** Event types that this caller may see; undefined: all. */
  types?(ctx: Ctx): readonly string[] | undefined;
  /** What is told to whoever joins, and is not in the log. Called after `allows`. */
  joining?(ctx: Ctx, id: string): Promise<() => readonly LiveFrame[]>;
};

/** A channel as a client named it. */
export type Named = { readonly channel: Channel; readonly name: string; readonly id: string };

/** Throws `validation_failed`, which names the field, for a name that is none. */
export function channelNamed(name: string, channels: ReadonlyMap<string, Channel>): Named {
  const slash = name.indexOf('/');
  const topic = slash === -1 ? name : name.slice(0, slash);
  const id = slash === -1 ? '' : name.slice(slash + 1);
  const channel = channels.get(topic);
  const isWell = topic === EVERYTHING ? slash === -1 : isUuid(id) && id === id.toLowerCase();
  if (channel !== undefined && isWell) return { channel, name, id };
  const known = [...channels.keys()].map((each) => (each === EVERYTHING ? each : `${each}/{id}`)).sort();
  throw validationFailed([{ in: 'body', field: 'channel', rule: 'exists', message: `must be ${known.join(' or ')}` }]);
}

/**
 * Throws `permission_denied` where the caller may not follow this kind of channel, and `not_found` where there is none
 * of this id for the caller.
 */
export async function admit({ channel, id }: Named, principal: Principal, ctx: Ctx): Promise<void> {
  const { actor, permissions } = principal;
  if (actor.kind === 'api_key' && actor.confinedTo !== undefined) {
    const { confinedBy } = channel;
    if (confinedBy === undefined || !Object.hasOwn(actor.confinedTo, confinedBy))
      throw new AppError('permission_denied', { message: 'This key is good for one seat of one discussion only.' });
    if (actor.confinedTo[confinedBy] !== id) throw new AppError('not_found');
  }
  if (!permissions.has(channel.permission))
    throw new AppError('permission_denied', { details: { permission: channel.permission } });
  if (!(await channel.allows(ctx, id))) throw new AppError('not_found');
}
