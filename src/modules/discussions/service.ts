import type { Clock } from '../../lib/clock.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import type { Download } from '../../platform/http/router.ts';
import { formatCursor } from '../../platform/realtime/cursor.ts';
import type { Hub, LiveFrame } from '../../platform/realtime/hub.ts';
import { type CreateDeps, createDiscussion } from './create.ts';
import { controls } from './interventions/controls.ts';
import { post } from './interventions/post.ts';
import { exportDiscussion } from './log/export.ts';
import { forkDiscussion } from './log/fork.ts';
import type { ExportFormat, ForkDiscussion } from './log/schemas.ts';
import { discussionOf } from './present.ts';
import { reads } from './reads.ts';
import type { Limits } from './rules/limits.ts';
import type { Status } from './rules/status.ts';
import type {
  AdvanceDiscussion,
  By,
  CreateDiscussion,
  Discussion,
  DiscussionFacts,
  Message,
  Posted,
  Turn,
} from './schemas.ts';
import type { TurnHeld } from './seats/schemas.ts';
import type { Elsewhere } from './turns/heard.ts';
import type { Live } from './turns/live.ts';

export type DiscussionsDeps = CreateDeps & {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Pick<Hub, 'cursor'>;
  readonly live: Live;
  readonly elsewhere: Elsewhere;
  readonly cursors: Cursors;
};

type LogPage<T> = { items: T[]; next_cursor: string | null; cursor: string };
export type MessageQuery = { after_seq?: number; before_seq?: number; cursor?: string; limit: number };
export type TurnQuery = { after_turn?: number; before_turn?: number; cursor?: string; limit: number };

/** What a command needs to know before its transaction: who acts, and where the event stream stood. */
export type Prelude = { readonly by: By; readonly cursor: string };

/** Discussions of agents and people. */
export type Discussions = {
  prelude(ctx: Ctx): Promise<Prelude>;
  /** Throws `validation_failed` naming the fields, for participants, documents and policies that cannot be. */
  create(tx: Tx, input: CreateDiscussion, prelude: Prelude): Promise<Discussion>;
  /**
   * Throws `not_found`, `validation_failed` for a message that is not there or a limit that is reached already, `conflict`
   * when an agent of it is archived or deleted.
   */
  fork(tx: Tx, id: string, fork: { input: ForkDiscussion } & Prelude): Promise<Discussion>;
  /** The whole log as a file. Throws `not_found`. */
  export(ctx: Ctx, id: string, format: ExportFormat): Promise<Download>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<Discussion>;
  /** Newest first. */
  list(ctx: Ctx, query: { status?: Status; cursor?: string; limit: number }): Promise<LogPage<DiscussionFacts>>;
  /** In order. After a seq, before one (the page that ends there), or from the beginning. */
  messages(ctx: Ctx, id: string, query: MessageQuery): Promise<LogPage<Message>>;
  turns(ctx: Ctx, id: string, query: TurnQuery): Promise<LogPage<Turn>>;
  /**
   * Says something as the caller: a participant whose turn it may be, or somebody from outside. Throws `not_found`,
   * `conflict` when the discussion has ended, `limit_reached`.
   */
  post(tx: Tx, id: string, message: { content: string; by: By } & Partial<TurnHeld>): Promise<Posted>;
  /** Cuts off whoever speaks; this turn is begun anew by `resume`. Twice is fine. Throws `conflict` when it has ended. */
  pause(ctx: Ctx, id: string): Promise<Discussion>;
  /**
   * Goes on, or begins what was only created; with other limits, where some are given. Twice is fine. Throws `conflict`
   * when it has ended, or stands for its cost and the limit is not raised to what it needs.
   */
  resume(ctx: Ctx, id: string, limits?: Partial<Limits>): Promise<Discussion>;
  /** Ends it at once; what was said so far is kept. Twice is fine. */
  cancel(ctx: Ctx, id: string): Promise<Discussion>;
  /**
   * Ends the turn under way: an awaited person's, or a speaker's (kept as far as it got). With `next_speaker`, that one
   * speaks next whatever the policy says, also where nobody has the turn yet.
   */
  advance(ctx: Ctx, id: string, how: AdvanceDiscussion & { turn?: number | undefined }): Promise<Discussion>;
  /** Throws `not_found`. Answers what somebody who joins the stream is to be shown first. */
  joining(ctx: Ctx, id: string): Promise<() => readonly LiveFrame[]>;
  /** Whether the caller's tenant has such a discussion. */
  exists(ctx: Ctx, id: string): Promise<boolean>;
};

export function discussionsService(deps: DiscussionsDeps): Discussions {
  const prelude = async (ctx: Ctx): Promise<Prelude> => {
    const [by, cursor] = await Promise.all([whoIs(deps, ctx), deps.hub.cursor(ctx.tenantId)]);
    return { by, cursor: formatCursor(cursor) };
  };
  return {
    prelude,
    async create(tx, input, { by, cursor }) {
      const now = deps.clock.now();
      return discussionOf(await createDiscussion(deps, tx, { input, by, now }), { now, cursor });
    },
    async fork(tx, id, { input, by, cursor }) {
      const now = deps.clock.now();
      return discussionOf(await forkDiscussion(deps, tx, { id, input, by, now }), { now, cursor });
    },
    export: (ctx, id, format) => exportDiscussion(deps, ctx, { id, format }),
    ...reads(deps),
    post: (tx, id, message) => post(deps, tx, { id, ...message }),
    ...controls(deps, prelude),
  };
}

/** What the caller is called. Nobody says this of himself. */
async function whoIs({ db, people }: DiscussionsDeps, ctx: Ctx): Promise<By> {
  const { kind, id } = ctx.actor;
  if (kind === 'user')
    return { kind, id, name: (await people.findMember(db.reader(ctx), id))?.name ?? 'A former member' };
  if (kind === 'api_key') return { kind, id, name: (await people.findKeyName(db.reader(ctx), id)) ?? 'An API key' };
  return { kind, id, name: 'Parley' };
}
