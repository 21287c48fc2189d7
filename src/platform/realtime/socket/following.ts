import type { Socket } from 'node:net';
import type { OnDenied, Principal } from '../../auth/authenticate.ts';
import type { Ctx } from '../../context.ts';
import { AppError } from '../../http/errors.ts';
import { formatCursor, parseCursor } from '../cursor.ts';
import type { Cursor, Hub, LiveFrame } from '../hub.ts';
import { drained } from '../sse.ts';
import { admit, type Channel, channelNamed, EVERYTHING, type Named } from './channel.ts';
import type { About, ClientMessage } from './messages.ts';
import { ALL, CHANNEL } from './wire.ts';

/** The connection, as what it follows sees it. */
export type Host = {
  readonly hub: Hub;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly maxChannels: number;
  readonly onDenied: OnDenied | undefined;
  /** The operation that refusals are recorded under. */
  readonly operationId: string;
  readonly socket: Socket;
  readonly isClosed: () => boolean;
  /** Who follows; throws `unauthenticated` before that is known. */
  readonly principal: () => Principal;
  readonly ctx: () => Ctx;
  /** Credentials may have ended: they are to be asked about. */
  readonly doubt: () => void;
  readonly isInDoubt: () => boolean;
  /** Asks about them, and reviews what is followed already. */
  readonly ask: () => Promise<void>;
  readonly sink: (frame: Buffer) => boolean;
  readonly say: (message: object) => void;
  /** An error as a client is told it. */
  readonly told: (error: unknown) => object;
  readonly onSlow: () => void;
  readonly onStopping: () => void;
  /** What was missed cannot be known. */
  readonly onLost: (error: unknown) => void;
};

/** A channel that a connection follows. */
type Held = {
  readonly named: Named;
  readonly wanted: readonly string[] | undefined;
  /** The subscription that counts; what an older one says does not. */
  run: { close(): void } | undefined;
  /** Where the last one was ended, because rights may have; undefined while it flows. */
  endedAt: Cursor | undefined;
};

/** What may wait for a client before a page out of the log ends for it: a quarter of what it is closed at. */
const FULL_BYTES = 256 * 1024;

type OnJoin = () => readonly LiveFrame[];

/** The channels of one connection. */
export class Following {
  readonly #host: Host;
  readonly #held = new Map<string, Held>();
  /** Hears when credentials end, also while nothing is followed. */
  #presence: { close(): void } | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  get size(): number {
    return this.#held.size;
  }

  /** From now on it is heard of when the credentials of this caller end. */
  attend(): void {
    this.#presence?.close();
    const { onStopping, doubt } = this.#host;
    this.#presence = this.#join({
      streams: [],
      onEnd: (reason) => (reason === 'stopping' ? onStopping() : doubt()),
    });
  }

  async subscribe(message: ClientMessage & { type: 'subscribe' }, about: About): Promise<void> {
    const host = this.#host;
    const named = channelNamed(message.channel, host.channels);
    this.#refuseOneMore(named.name);
    const from = message.cursor === undefined ? undefined : parseCursor(message.cursor);
    if (message.cursor !== undefined && from === undefined) throw invalidCursor();
    const held: Held = { named, wanted: message.types, run: undefined, endedAt: undefined };
    let onJoin = await this.#admitted(held);
    const at = from ?? (await host.hub.cursor(host.principal().tenantId));
    // Rights may have ended while all this was looked up.
    while (host.isInDoubt() && !host.isClosed()) {
      await host.ask();
      if (!host.isClosed()) onJoin = await this.#admitted(held);
    }
    if (host.isClosed()) return;
    this.#held.set(named.name, held);
    host.say({ type: 'subscribed', ...about, cursor: formatCursor(at) });
    this.#follow(held, at, onJoin);
  }

  unsubscribe(channel: string, about: About): void {
    const held = this.#held.get(channel);
    if (held === undefined)
      throw new AppError('not_found', { message: 'This connection does not follow this channel.' });
    this.#drop(held);
    this.#host.say({ type: 'unsubscribed', ...about, reason: 'asked' });
  }

  /** Who the caller is, and may do, has been asked anew: what may still be followed goes on where it was ended. */
  async review(): Promise<void> {
    const { isClosed, say, told } = this.#host;
    for (const held of [...this.#held.values()]) {
      try {
        const onJoin = await this.#admitted(held);
        if (isClosed()) return;
        if (held.endedAt !== undefined) this.#follow(held, held.endedAt, onJoin);
      } catch (error) {
        if (isClosed()) return;
        this.#drop(held);
        say({ type: 'unsubscribed', channel: held.named.name, reason: 'revoked', error: told(error) });
      }
    }
  }

  close(): void {
    this.#presence?.close();
    for (const held of [...this.#held.values()]) this.#drop(held);
  }

  #refuseOneMore(name: string): void {
    const { maxChannels } = this.#host;
    if (this.#held.has(name))
      throw new AppError('already_exists', { message: 'This connection follows this channel already.' });
    if (this.#held.size >= maxChannels)
      throw new AppError('limit_reached', {
        message: `A connection follows at most ${maxChannels} channels: unsubscribe from some, or open another one.`,
      });
  }

  #drop(held: Held): void {
    held.run?.close();
    held.run = undefined;
    this.#held.delete(held.named.name);
  }

  /** What is told to whoever joins. Throws where the caller may not follow this, or not any more. */
  async #admitted({ named }: Held): Promise<OnJoin | undefined> {
    const { principal: who, ctx, onDenied, operationId } = this.#host;
    const principal = who();
    const { channel, id } = named;
    const { permission } = channel;
    try {
      await admit(named, principal, ctx());
    } catch (error) {
      const isConfined = principal.actor.kind === 'api_key' && principal.actor.confinedTo !== undefined;
      if (!isConfined && !principal.permissions.has(permission)) onDenied?.({ principal, permission, operationId });
      throw error;
    }
    return channel.joining?.(ctx(), id);
  }

  #follow(held: Held, from: Cursor, onJoin: OnJoin | undefined): void {
    const { channel, name } = held.named;
    const { onSlow, onStopping, doubt, ctx, socket } = this.#host;
    const isAll = name === EVERYTHING;
    const types = both(held.wanted, channel.types?.(ctx()));
    held.endedAt = undefined;
    held.run?.close();
    const run = this.#join({
      ...(!isAll && { streams: [name] }),
      ...(types !== undefined && { types }),
      ...(onJoin && { onJoin }),
      ...{ from, wire: isAll ? ALL : CHANNEL, counts: false },
      full: () => socket.writableLength > FULL_BYTES,
      drained: () => drained(socket),
      onEnd: (reason, at) => {
        if (reason === 'slow') onSlow();
        else if (reason === 'stopping') onStopping();
        else if (held.run === undefined || held.run === run) {
          held.run = undefined;
          held.endedAt = at;
          doubt();
        }
      },
    });
    held.run = run;
  }

  /** Subscribes as who this is. The end may come before the beginning. */
  #join(subscription: Omit<Parameters<Hub['subscribe']>[0], 'tenantId' | 'actorId' | 'sessionId' | 'sink'>): {
    close(): void;
  } {
    const { hub, principal, sink, onLost } = this.#host;
    const { tenantId, actor } = principal();
    let joined: { close(): void } | undefined;
    let left = false;
    const session = actor.kind === 'user' ? { sessionId: actor.sessionId } : {};
    hub.subscribe({ tenantId, actorId: actor.id, ...session, ...subscription, sink }).then((done) => {
      joined = done;
      if (left) done.close();
    }, onLost);
    return {
      close() {
        left = true;
        joined?.close();
      },
    };
  }
}

/** Of what is wanted, what may be seen. Undefined: all. */
const both = (wanted: readonly string[] | undefined, visible: readonly string[] | undefined) =>
  visible && wanted ? wanted.filter((type) => visible.includes(type)) : (wanted ?? visible);

const invalidCursor = (): AppError =>
  new AppError('invalid_cursor', {
    details: { fields: [{ in: 'body', field: 'cursor', rule: 'format', message: 'must be epoch.position' }] },
  });
