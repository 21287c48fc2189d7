import type { Clock } from '../../lib/clock.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Reader, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import { formatCursor } from '../../platform/realtime/cursor.ts';
import type { Hub, LiveFrame } from '../../platform/realtime/hub.ts';
import { announceStart, type CreateDeps, createDiscussion } from './create.ts';
import { discussionResumed } from './events.ts';
import { discussionFacts, discussionOf, messageOf, nextSpeakerOf, turnOf } from './present.ts';
import { hasEnded, type Status } from './rules/status.ts';
import {
  type Author,
  type By,
  type CreateDiscussion,
  type Discussion,
  type DiscussionFacts,
  MAX_MESSAGES,
  type Message,
  type Posted,
  type Turn,
} from './schemas.ts';
import { authorOf, Stage } from './stage.ts';
import * as store from './store.ts';
import { messagesAfter, messagesBefore } from './store-entries.ts';
import { cutShort, cutUsage } from './turns/cut.ts';
import { type Live, snapshotFrame } from './turns/live.ts';

export type DiscussionsDeps = CreateDeps & {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Pick<Hub, 'cursor'>;
  readonly live: Live;
  readonly cursors: Cursors;
};

type LogPage<T> = { items: T[]; next_cursor: string | null; cursor: string };
export type MessageQuery = { after_seq?: number; before_seq?: number; cursor?: string; limit: number };

/** What a command needs to know before its transaction: who acts, and where the event stream stood. */
export type Prelude = { readonly by: By; readonly cursor: string };

/** Discussions of agents and people. */
export type Discussions = {
  prelude(ctx: Ctx): Promise<Prelude>;
  /** Throws `validation_failed` naming the fields, for participants, documents and policies that cannot be. */
  create(tx: Tx, input: CreateDiscussion, prelude: Prelude): Promise<Discussion>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<Discussion>;
  /** Newest first. */
  list(ctx: Ctx, query: { status?: Status; cursor?: string; limit: number }): Promise<LogPage<DiscussionFacts>>;
  /** In order. After a seq, before one (the page that ends there), or from the beginning. */
  messages(ctx: Ctx, id: string, query: MessageQuery): Promise<LogPage<Message>>;
  turns(ctx: Ctx, id: string, query: { cursor?: string; limit: number }): Promise<LogPage<Turn>>;
  /**
   * Says something as the caller: a participant whose turn it may be, or somebody from outside. Throws `not_found`,
   * `conflict` when the discussion has ended, `limit_reached`.
   */
  post(tx: Tx, id: string, message: { content: string; by: By }): Promise<Posted>;
  /** Cuts off whoever speaks; this turn is begun anew by `resume`. Twice is fine. Throws `conflict` when it has ended. */
  pause(ctx: Ctx, id: string): Promise<Discussion>;
  /** Goes on, or begins what was only created. Twice is fine. */
  resume(ctx: Ctx, id: string): Promise<Discussion>;
  /** Ends it at once; what was said so far is kept. Twice is fine. */
  cancel(ctx: Ctx, id: string): Promise<Discussion>;
  /** Ends the turn under way: an awaited person's, or a speaker's (kept as far as it got). */
  advance(ctx: Ctx, id: string, turn: number | undefined): Promise<Discussion>;
  /** Throws `not_found`. Answers what somebody who joins the stream is to be shown first. */
  joining(ctx: Ctx, id: string): Promise<() => readonly LiveFrame[]>;
};

const missing = () => new AppError('not_found', { message: 'There is no such discussion.' });

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

function reads(deps: DiscussionsDeps): Pick<Discussions, 'get' | 'list' | 'messages' | 'turns' | 'joining'> {
  const { db, hub, clock, cursors, live } = deps;
  const cursorNow = async (ctx: Ctx) => formatCursor(await hub.cursor(ctx.tenantId));
  const mustExist = async (reader: Reader, id: string) => {
    const row = await store.findDiscussion(reader, id);
    if (!row) throw missing();
    return row;
  };
  return {
    async get(ctx, id) {
      const cursor = await cursorNow(ctx);
      return discussionOf(await mustExist(db.reader(ctx), id), { now: clock.now(), cursor });
    },

    async list(ctx, query) {
      const status = query.status ?? null;
      const scope = { tenantId: ctx.tenantId, list: 'discussions', filter: { status } };
      const before = query.cursor === undefined ? null : (cursors.decode(scope, query.cursor) as string);
      const cursor = await cursorNow(ctx);
      const rows = await store.listDiscussions(db.reader(ctx), { status, before, limit: query.limit + 1 });
      const items = rows.slice(0, query.limit);
      const last = items.at(-1);
      const next_cursor = rows.length > items.length && last ? cursors.encode(scope, last.id) : null;
      return { items: items.map((row) => discussionFacts(row, clock.now())), next_cursor, cursor };
    },

    async messages(ctx, id, query) {
      if (query.after_seq !== undefined && query.before_seq !== undefined)
        throw validationFailed([
          { in: 'query', field: 'before_seq', rule: 'not', message: 'Give after_seq or before_seq, not both.' },
        ]);
      const scope = { tenantId: ctx.tenantId, list: 'messages', filter: { id } };
      const from = query.cursor === undefined ? query : (cursors.decode(scope, query.cursor) as MessageQuery);
      const cursor = await cursorNow(ctx);
      const reader = db.reader(ctx);
      const forward = from.before_seq === undefined;
      const range = { seq: (forward ? from.after_seq : from.before_seq) ?? 0, limit: query.limit + 1 };
      const rows = await (forward ? messagesAfter(reader, id, range) : messagesBefore(reader, id, range));
      if (rows.length === 0) await mustExist(reader, id);
      const page = rows.slice(0, query.limit);
      const last = page.at(-1)?.seq;
      const more = rows.length > page.length && last !== undefined;
      const next_cursor = more ? cursors.encode(scope, forward ? { after_seq: last } : { before_seq: last }) : null;
      return { items: (forward ? page : page.reverse()).map(messageOf), next_cursor, cursor };
    },

    async turns(ctx, id, query) {
      const scope = { tenantId: ctx.tenantId, list: 'turns', filter: { id } };
      const after = query.cursor === undefined ? 0 : (cursors.decode(scope, query.cursor) as number);
      const cursor = await cursorNow(ctx);
      const reader = db.reader(ctx);
      const rows = await store.listTurns(reader, id, { after, limit: query.limit + 1 });
      if (rows.length === 0) await mustExist(reader, id);
      const items = rows.slice(0, query.limit);
      const next_cursor = rows.length > items.length ? cursors.encode(scope, items.at(-1)?.turn) : null;
      return { items: items.map(turnOf), next_cursor, cursor };
    },

    async joining(ctx, id) {
      const reader = db.reader(ctx);
      const row = await mustExist(reader, id);
      const kept = row.status === 'running' ? await store.findPartial(reader, id, row.turn) : undefined;
      return () => {
        const now = live.snapshot(id);
        if (now) return [now];
        return kept ? [snapshotFrame(id, { ...kept, participantId: kept.participant_id })] : [];
      };
    },
  };
}

/** The discussion, locked, as a stage. `cut` is what is being said in it at this moment. */
async function enter(deps: DiscussionsDeps, tx: Tx, id: string): Promise<{ stage: Stage; cut: Cut }> {
  const row = await store.lockDiscussion(tx, id);
  if (!row) throw missing();
  const { step } = row;
  const stage = new Stage(deps, tx, { row, now: deps.clock.now() });
  return { stage, cut: { step, stop: () => tx.afterCommit(() => deps.live.abort(id, step)) } };
}
type Cut = { readonly step: number; readonly stop: () => void };

/** What was said so far: here, or elsewhere as it was last kept. */
async function heard(
  deps: DiscussionsDeps,
  stage: Stage,
  step: number,
): Promise<{ text: string; promptTokens: number }> {
  const here = deps.live.heard(stage.row.id, step);
  if (here) return { text: here.text, promptTokens: here.promptTokens };
  const kept = await store.findPartial(stage.tx, stage.row.id, stage.row.turn);
  return { text: kept?.attempt === stage.row.attempt ? kept.text : '', promptTokens: 0 };
}

/** Ends a running turn where it stands, and keeps what was said. */
async function cutTurn(
  deps: DiscussionsDeps,
  stage: Stage,
  { cut, otherwise }: { cut: Cut; otherwise: 'advanced' | 'interrupted' },
): Promise<void> {
  const said = await heard(deps, stage, cut.step);
  cut.stop();
  await stage.halt();
  if (stage.speaker) await cutShort(stage, { text: said.text, usage: cutUsage(said), otherwise });
  else await stage.spend(cutUsage(said));
}

async function post(
  deps: DiscussionsDeps,
  tx: Tx,
  { id, content, by }: { id: string; content: string; by: By },
): Promise<Posted> {
  const { stage, cut } = await enter(deps, tx, id);
  const { row } = stage;
  if (hasEnded(row.status)) throw new AppError('conflict', { message: `The discussion is ${row.status}.` });
  if (row.last_seq >= MAX_MESSAGES) {
    throw new AppError('limit_reached', { message: `A discussion holds at most ${MAX_MESSAGES} messages.` });
  }
  const self = by.kind === 'user' ? row.participants.find((p) => p.user_id === by.id) : undefined;
  const author: Author = self
    ? authorOf(self)
    : { kind: 'user', participant_id: null, agent_id: null, user_id: by.kind === 'user' ? by.id : null, name: by.name };
  const message = { author, content, metadata: {} };
  const hasTurn = row.status === 'waiting' && self !== undefined && stage.speaker?.id === self.id;
  if (row.status === 'running' && row.on_post === 'interrupt') {
    await cutTurn(deps, stage, { cut, otherwise: 'interrupted' });
    const said = await stage.say({ ...message, turn: null });
    await stage.next();
    await stage.save();
    return { ...messageOf(said), next_speaker: nextSpeakerOf(row) };
  }
  if (hasTurn) await stage.halt();
  const said = await stage.say({ ...message, turn: hasTurn ? row.turn : null });
  if (hasTurn) await stage.next();
  else if (row.status === 'waiting' && stage.isOutdated) {
    await stage.halt();
    await stage.next();
  } else if (row.status === 'created' || row.status === 'paused') stage.preview();
  await stage.save();
  return { ...messageOf(said), next_speaker: nextSpeakerOf(row) };
}

function controls(
  deps: DiscussionsDeps,
  prelude: (ctx: Ctx) => Promise<Prelude>,
): Pick<Discussions, 'pause' | 'resume' | 'cancel' | 'advance'> {
  /** Runs `act` on the locked discussion; false says that nothing was to be done. */
  const change = async (
    ctx: Ctx,
    id: string,
    act: (stage: Stage, about: Prelude & { cut: Cut }) => Promise<boolean>,
  ) => {
    const about = await prelude(ctx);
    const row = await deps.db.inTx(ctx, async (tx) => {
      const { stage, cut } = await enter(deps, tx, id);
      if (await act(stage, { ...about, cut })) await stage.save();
      return stage.row;
    });
    return discussionOf(row, { now: deps.clock.now(), cursor: about.cursor });
  };
  const refuse = (row: store.DiscussionRow): never => {
    throw new AppError('conflict', { message: `The discussion is ${row.status}.` });
  };

  return {
    pause: (ctx, id) =>
      change(ctx, id, async (stage, { by, cut }) => {
        const { row } = stage;
        if (row.status === 'paused') return false;
        if (row.status !== 'running' && row.status !== 'waiting') return refuse(row);
        await stage.spend(cutUsage(await heard(deps, stage, cut.step)));
        cut.stop();
        await stage.stop({ reason: 'requested', by, turn: 'paused' });
        return true;
      }),

    resume: (ctx, id) =>
      change(ctx, id, async (stage, { by }) => {
        const { row, tx } = stage;
        if (row.status === 'running' || row.status === 'waiting') return false;
        if (row.status === 'created') announceStart(tx, id, by);
        else if (row.status === 'paused') {
          append(tx, discussionResumed, { stream: stage.stream, subject: id, data: { discussion_id: id, by } });
        } else return refuse(row);
        await stage.next();
        return true;
      }),

    cancel: (ctx, id) =>
      change(ctx, id, async (stage, { by, cut }) => {
        const { row } = stage;
        if (row.status === 'cancelled') return false;
        if (hasEnded(row.status)) return refuse(row);
        if (row.status === 'running') await keepWhatWasSaid(deps, stage, cut);
        await stage.halt();
        await stage.end('cancel', 'requested', by);
        return true;
      }),

    advance: (ctx, id, turn) =>
      change(ctx, id, async (stage, { cut }) => {
        const { row } = stage;
        if (turn !== undefined && turn !== row.turn) {
          throw new AppError('conflict', { message: `Turn ${row.turn} is under way.`, details: { turn: row.turn } });
        }
        if (row.status === 'waiting') {
          await stage.halt();
          await stage.skip('advanced');
        } else if (row.status === 'running' && stage.speaker) {
          await cutTurn(deps, stage, { cut, otherwise: 'advanced' });
        } else return refuse(row);
        await stage.next();
        return true;
      }),
  };
}

/** Before a cancel: the words that were already heard become a message; a turn without one is only closed. */
async function keepWhatWasSaid(deps: DiscussionsDeps, stage: Stage, cut: Cut): Promise<void> {
  const said = await heard(deps, stage, cut.step);
  cut.stop();
  if (!stage.speaker) return stage.spend(cutUsage(said));
  if (said.text.trim() !== '')
    return cutShort(stage, { text: said.text, usage: cutUsage(said), otherwise: 'interrupted' });
  await stage.spend(cutUsage(said));
  await store.setTurn(stage.tx, stage.row.id, {
    turn: stage.row.turn,
    status: 'cancelled',
    error: null,
    message_id: null,
    usage: { input_tokens: 0, output_tokens: 0, cost_nano_usd: null },
    ended_at: deps.clock.now(),
  });
}
