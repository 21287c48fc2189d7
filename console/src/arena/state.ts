import type { ConnectionState, Discussion, DiscussionEvent, Message, Turn } from '@parley/sdk';

/** A turn in progress: what has been heard of it so far. */
export type Live = {
  turn: number;
  attempt: number;
  participantId: string | undefined;
  reason: string | undefined;
  /** From the beginning, without a hole. */
  text: string;
  /** Pieces that came after a hole; the snapshot of the next join or the message itself fills it. */
  ahead: readonly { offset: number; text: string }[];
  startedAt: number;
};

/** What lies beyond the end of a loaded stretch. */
export type Beyond = 'none' | 'more' | 'loading' | 'failed';

export type ArenaState = {
  discussion: Discussion | undefined;
  /** When it was read, by this machine's clock: what grows with time is told as of then. */
  readAt: number;
  /** A stretch of the log without a hole: its end, unless somebody went to look at an older place. */
  messages: readonly Message[];
  older: Beyond;
  /** `none`: the newest message is here, and whatever is said next will be. */
  newer: Beyond;
  /** The last turns, in order. */
  turns: readonly Turn[];
  olderTurns: Beyond;
  /** Turns of an older place that was looked at, by their number. */
  asides: ReadonlyMap<number, Turn>;
  live: Live | undefined;
  /** Turns that ended, whose messages are still on their way: heard, so not taken from the screen. */
  ended: readonly Live[];
  connection: ConnectionState;
  /** The snapshot has been read at least once. */
  loaded: boolean;
  /** Why it could not be read, or why the stream ended for good. */
  failure: unknown;
};

export const initialState: ArenaState = {
  discussion: undefined,
  readAt: 0,
  messages: [],
  older: 'none',
  newer: 'none',
  turns: [],
  olderTurns: 'none',
  asides: new Map(),
  live: undefined,
  ended: [],
  connection: { state: 'connecting' },
  loaded: false,
  failure: undefined,
};

/** What must be fetched after an event: the log tells that something happened, the API tells what. */
export type Stale = { messages: boolean; discussion: boolean; everything: boolean };
const NOTHING: Stale = { messages: false, discussion: false, everything: false };

export function applyEvent(
  state: ArenaState,
  event: DiscussionEvent,
  now: number,
): { state: ArenaState; stale: Stale } {
  switch (event.type) {
    case 'message_delta':
      return { state: withLive(state, withDelta(state.live, event.data, now)), stale: NOTHING };
    case 'turn_snapshot':
      return { state: withLive(state, withSnapshot(state.live, event.data, now)), stale: NOTHING };
    case 'turn_restarted': {
      const { turn, attempt } = event.data;
      if (state.live && older(state.live, turn, attempt)) {
        return { state: { ...state, live: { ...state.live, turn, attempt, text: '', ahead: [] } }, stale: NOTHING };
      }
      return { state, stale: NOTHING };
    }
    case 'turn_started': {
      const { turn, attempt = 1, participant_id, reason } = event.data;
      if (alreadySaid(state, turn)) return { state, stale: { ...NOTHING, discussion: true } };
      const same = state.live?.turn === turn && state.live.attempt === attempt;
      const live: Live = same
        ? { ...(state.live as Live), participantId: participant_id, reason }
        : { turn, attempt, participantId: participant_id, reason, text: '', ahead: [], startedAt: now };
      return { state: withLive(state, live), stale: { ...NOTHING, discussion: true } };
    }
    case 'message_posted': {
      const stale = { ...NOTHING, messages: true, discussion: true };
      // Its message takes its place; where older ones are looked at, none will come.
      if (state.newer === 'none' || event.data.turn === null) return { state, stale };
      const live = state.live && state.live.turn <= event.data.turn ? undefined : state.live;
      return { state: { ...state, live, ended: [] }, stale };
    }
    case 'turn_failed':
    case 'turn_skipped': {
      const { turn } = event.data;
      const live = state.live?.turn === turn ? undefined : state.live;
      return {
        state: { ...state, live, ended: state.ended.filter((one) => one.turn !== turn) },
        stale: { ...NOTHING, discussion: true },
      };
    }
    case 'reset':
      return { state, stale: { messages: true, discussion: true, everything: true } };
    default:
      return { state, stale: { ...NOTHING, discussion: true } };
  }
}

/** Another turn begins: what the one before said stays, until its message takes its place. */
function withLive(state: ArenaState, live: Live): ArenaState {
  const { live: before, ended } = state;
  const leaves =
    before !== undefined && before.turn < live.turn && before.text !== '' && !alreadySaid(state, before.turn);
  return { ...state, live, ended: leaves ? [...ended, before] : ended };
}

const older = (live: Live, turn: number, attempt: number): boolean =>
  live.turn < turn || (live.turn === turn && live.attempt < attempt);

const alreadySaid = (state: ArenaState, turn: number): boolean =>
  state.messages.findLast((message) => message.turn !== null && message.turn <= turn)?.turn === turn;

type Delta = { turn: number; attempt: number; offset: number; text: string };

/** Puts a piece where it belongs. Repeats change nothing, an older attempt is dropped, a hole is kept open. */
export function withDelta(live: Live | undefined, delta: Delta, now: number): Live {
  const { turn, attempt } = delta;
  if (live && (live.turn > turn || (live.turn === turn && live.attempt > attempt))) return live;
  const base: Live =
    live?.turn === turn && live.attempt === attempt
      ? live
      : {
          turn,
          attempt,
          participantId: live?.turn === turn ? live.participantId : undefined,
          reason: live?.turn === turn ? live.reason : undefined,
          text: '',
          ahead: [],
          startedAt: now,
        };
  return joined({ ...base, ahead: [...base.ahead, { offset: delta.offset, text: delta.text }] });
}

function withSnapshot(
  live: Live | undefined,
  data: { turn: number; attempt: number; participant_id: string; text: string },
  now: number,
): Live {
  const fresh = withDelta(live, { turn: data.turn, attempt: data.attempt, offset: 0, text: '' }, now);
  if (fresh.turn !== data.turn || fresh.attempt !== data.attempt) return fresh;
  const text = data.text.length > fresh.text.length ? data.text : fresh.text;
  return joined({ ...fresh, participantId: data.participant_id, text });
}

/** Moves what now touches the text into it. */
function joined(live: Live): Live {
  let { text } = live;
  const rest: { offset: number; text: string }[] = [];
  for (const piece of [...live.ahead].sort((a, b) => a.offset - b.offset)) {
    if (piece.offset > text.length) rest.push(piece);
    else if (piece.offset + piece.text.length > text.length) text += piece.text.slice(text.length - piece.offset);
  }
  return { ...live, text, ahead: rest };
}

/** What to show of a live turn: a hole is shown as one. */
export function heard(live: Live): string {
  return live.ahead.reduce((text, piece) => `${text} … ${piece.text}`, live.text);
}

/** Adds messages to the end of the stretch, each once and in order; the live turn ends when its message is here. */
export function withMessages(state: ArenaState, items: readonly Message[]): ArenaState {
  const last = state.messages.at(-1)?.seq ?? 0;
  const added = items.filter(({ seq }) => seq > last);
  const messages = added.length === 0 ? state.messages : [...state.messages, ...added];
  // In order as they are, an earlier turn's message is here by now, or there is none.
  const newest = messages.findLast(({ turn }) => turn !== null)?.turn ?? 0;
  const live = state.live && state.live.turn <= newest ? undefined : state.live;
  return { ...state, messages, live, ended: state.ended.filter(({ turn }) => turn > newest) };
}

/** Adds a page before the stretch. One that does not touch it (the stretch was left meanwhile) is dropped. */
export function withOlder(state: ArenaState, items: readonly Message[]): ArenaState {
  const [first] = state.messages;
  const added = items.filter(({ seq }) => first === undefined || seq < first.seq);
  if (first !== undefined && added.length > 0 && added.at(-1)?.seq !== first.seq - 1) return state;
  const messages = [...added, ...state.messages];
  return { ...state, messages, older: (messages[0]?.seq ?? 1) > 1 ? 'more' : 'none' };
}

/** Another stretch in place of this one. What is said now is shown at the end only. */
export function withStretch(state: ArenaState, items: readonly Message[]): ArenaState {
  const end = state.discussion?.messages ?? 0;
  const [first, last] = [items[0]?.seq ?? 1, items.at(-1)?.seq ?? 0];
  const stretch: ArenaState = {
    ...state,
    messages: [],
    older: first > 1 ? 'more' : 'none',
    newer: last >= end ? 'none' : 'more',
  };
  return { ...withMessages(stretch, items), ...(last < end && { live: state.live, ended: [] }) };
}

/** Turns anew or further ones: the later reading of each counts. */
export function withTurns(state: ArenaState, items: readonly Turn[]): ArenaState {
  if (items.length === 0) return state;
  const turns = new Map([...state.turns, ...items].map((turn) => [turn.turn, turn]));
  return { ...state, turns: [...turns.values()].sort((a, b) => a.turn - b.turn) };
}

/** A turn, wherever it is known from. */
export function turnOf(state: ArenaState, turn: number | null): Turn | undefined {
  if (turn === null) return undefined;
  const first = state.turns[0]?.turn ?? 0;
  const here = state.turns[turn - first];
  return here?.turn === turn ? here : (state.asides.get(turn) ?? state.turns.find((one) => one.turn === turn));
}

/** Takes a newer snapshot; one that was overtaken on its way is dropped. */
export function withDiscussion(state: ArenaState, discussion: Discussion, readAt = 0): ArenaState {
  if (state.discussion && discussion.version < state.discussion.version) return state;
  const silent = discussion.status !== 'running';
  const known = state.discussion?.participants;
  // The same people: whatever depends on them need not be drawn anew.
  const same = JSON.stringify(known) === JSON.stringify(discussion.participants);
  const participants = known !== undefined && same ? known : discussion.participants;
  return { ...state, readAt, discussion: { ...discussion, participants }, live: silent ? undefined : state.live };
}

/** Who speaks or is about to, and why. */
export function onStage(
  state: ArenaState,
): { participantId: string; speaking: boolean; reason: string | undefined } | undefined {
  const { live, discussion } = state;
  const next = discussion?.next_speaker;
  if (live?.participantId !== undefined) {
    const reason = live.reason ?? (next?.participant_id === live.participantId ? next.reason : undefined);
    return { participantId: live.participantId, speaking: true, reason };
  }
  if (!next) return undefined;
  return { participantId: next.participant_id, speaking: live !== undefined, reason: next.reason };
}

/** `true` while more can happen. */
export const isOpen = (discussion: Discussion): boolean =>
  !['completed', 'cancelled', 'failed'].includes(discussion.status);
