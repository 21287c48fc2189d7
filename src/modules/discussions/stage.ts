import { uuidv7 } from '../../lib/ids.ts';
import type { Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Jobs } from '../../platform/jobs/define.ts';
import type { Agents } from '../agents/index.ts';
import * as events from './events.ts';
import { type EntryRow, factOf, insertEntry } from './log/store.ts';
import { askForUpkeep } from './memory/enqueue.ts';
import type { Kept } from './memory/given.ts';
import { decide } from './rules/decide.ts';
import { fold, type Participant } from './rules/fold.ts';
import { turnBudget } from './rules/limits.ts';
import { heardIn } from './rules/policies.ts';
import { type Action, after, hasEnded, isGoing } from './rules/status.ts';
import type { Author, By, Turn, TurnStatus } from './schemas.ts';
import * as store from './store.ts';
import * as turnStore from './turns/store.ts';

export const TURN_JOB = 'discussions.turn';

/** What a turn's job is told. A job of an older step than the discussion's does nothing. */
export type TurnPayload = {
  readonly discussion_id: string;
  readonly step: number;
  /** Whether `turn_started` of this attempt was announced when the job was made. */
  readonly announced: boolean;
  /** The event that announced it: what is said comes after it, in whatever process. */
  readonly started?: string;
  /** Attempts at this turn that failed since somebody last set it in motion. */
  readonly failures: number;
};

export type StageDeps = { readonly jobs: Jobs; readonly agents: Pick<Agents, 'release'> };

const NOTHING: turnStore.Spent = { input_tokens: 0, output_tokens: 0, cost_nano_usd: null };

export type NewEntry = Pick<EntryRow, 'kind' | 'turn' | 'author' | 'content' | 'metadata'> &
  Partial<turnStore.Spent & Pick<EntryRow, 'time_to_first_token_ms' | 'duration_ms'>>;

/**
 * One discussion within one transaction, its row locked: entries are added to its log, folded into its state, and what
 * follows is set in motion. `save` writes the row; nothing counts before.
 */
export class Stage {
  readonly tx: Tx;
  readonly row: store.DiscussionRow;
  /** What the speaker was given, where this transaction knows: it is kept with how the turn then stands. */
  given: Kept | undefined;
  /** What a speech is thought to have used that was cut short from here: whoever spoke it counts it, a moment later. */
  owed: turnStore.Spent = NOTHING;
  readonly #deps: StageDeps;
  readonly #writes: Promise<unknown>[] = [];
  readonly #now: Date;

  constructor(deps: StageDeps, tx: Tx, { row, now }: { row: store.DiscussionRow; now: Date }) {
    this.tx = tx;
    this.row = row;
    this.#deps = deps;
    // Clocks differ, and are set back: time stands here until it is later, or the same seconds would be counted twice.
    this.#now = row.running_since && row.running_since > now ? row.running_since : now;
    if (row.running_since) {
      row.elapsed_ms += this.#now.getTime() - row.running_since.getTime();
      row.running_since = this.#now;
    }
  }

  get stream(): string {
    return `discussions/${this.row.id}`;
  }

  participant(id: string | null | undefined): Participant | undefined {
    return this.row.participants.find((p) => p.id === id);
  }

  /** Who has the turn; undefined while a moderator is asked, and at the end. */
  get speaker(): Participant | undefined {
    return this.participant(this.row.next_speaker?.participant_id);
  }

  /** Adds an entry to the log, folds it in, and counts what it cost. */
  async record(entry: NewEntry): Promise<EntryRow> {
    const row: EntryRow = {
      ...NOTHING,
      time_to_first_token_ms: null,
      duration_ms: null,
      ...entry,
      metadata: { ...entry.metadata, ...this.#heard(entry) },
      id: uuidv7(),
      entry: this.row.last_entry + 1,
      seq: entry.kind === 'message' ? this.row.last_seq + 1 : null,
      created_at: this.#now,
    };
    this.#write(insertEntry(this.tx, this.row.id, row));
    this.row.last_entry = row.entry;
    this.row.last_seq = row.seq ?? this.row.last_seq;
    this.row.state = fold(this.row.state, factOf(row));
    this.#count(row);
    return row;
  }

  /** What the policy hears in an entry is kept with it, so that the rules never need to read a text again. */
  #heard({ kind, turn, author, content }: NewEntry) {
    if (kind !== 'message' && kind !== 'turn_end') return {};
    const { policy, participants, state } = this.row;
    const utterance = { turn, participantId: author.participant_id, text: content, silent: kind === 'turn_end' };
    return heardIn(policy, utterance, { participants, state });
  }

  /** Counts what gave no message, for the discussion and for the turn under way. */
  async spend(spent: turnStore.Spent): Promise<void> {
    if (spent.input_tokens + spent.output_tokens === 0 && spent.cost_nano_usd === null) return;
    this.#count(spent);
    this.#write(turnStore.addTurnUsage(this.tx, this.row.id, { turn: this.row.turn, ...spent }));
  }

  #count(spent: turnStore.Spent): void {
    this.row.input_tokens += spent.input_tokens;
    this.row.output_tokens += spent.output_tokens;
    this.row.cost_nano_usd += spent.cost_nano_usd ?? 0;
  }

  /** Adds a message. With a turn, it ends this turn, as `completed` or (cut short) `interrupted`. */
  async say(message: Omit<NewEntry, 'kind'>, status: TurnStatus = 'completed'): Promise<EntryRow & { seq: number }> {
    const row = (await this.record({ ...message, kind: 'message' })) as EntryRow & { seq: number };
    const { author, input_tokens, output_tokens, cost_nano_usd } = row;
    append(this.tx, events.messagePosted, {
      stream: this.stream,
      subject: this.row.id,
      data: {
        discussion_id: this.row.id,
        message_id: row.id,
        seq: row.seq,
        turn: row.turn,
        author_kind: author.kind,
        participant_id: author.participant_id,
        name: author.name,
        length: row.content.length,
        finish_reason: row.metadata.finish_reason ?? null,
        input_tokens,
        output_tokens,
        cost_nano_usd,
      },
    });
    if (row.turn !== null) {
      await this.#endTurn(status, { message_id: row.id, usage: { input_tokens, output_tokens, cost_nano_usd } });
    }
    return row;
  }

  /** A person's word on who has the turn that comes. It is an entry of the log, and counts in every policy. */
  async choose(chosen: Participant, by: By): Promise<void> {
    const self = by.kind === 'user' ? this.row.participants.find((p) => p.user_id === by.id) : undefined;
    const user_id = by.kind === 'user' ? by.id : null;
    await this.record({
      kind: 'proposal',
      turn: this.row.state.turns + 1,
      author: self ? authorOf(self) : { kind: 'user', participant_id: null, agent_id: null, user_id, name: by.name },
      content: '',
      metadata: {
        choice: { participantId: chosen.id, reason: `Chosen by ${self?.name ?? by.name}.`, named: true },
        refused: null,
      },
    });
  }

  /** Ends the turn under way without a message. */
  async skip(reason: 'advanced' | 'failed' | 'timeout' | 'interrupted', error: Turn['error'] = null): Promise<void> {
    const speaker = this.speaker as Participant;
    const { turn } = this.row;
    const outcome = reason === 'failed' || reason === 'interrupted' ? reason : 'skipped';
    await this.record({ kind: 'turn_end', turn, author: authorOf(speaker), content: '', metadata: { outcome } });
    append(this.tx, events.turnSkipped, {
      stream: this.stream,
      subject: this.row.id,
      data: { ...this.#turnFacts(speaker), reason },
    });
    await this.#endTurn(reason === 'interrupted' ? 'interrupted' : 'skipped', { error });
  }

  /** An attempt failed. It is tried again in `retryMs`, or the discussion does what it was told for this case. */
  async fail(error: { code: string; message: string }, retry: { ms: number; failures: number } | null): Promise<void> {
    const speaker = this.speaker as Participant;
    append(this.tx, events.turnFailed, {
      stream: this.stream,
      subject: this.row.id,
      data: {
        ...this.#turnFacts(speaker),
        attempt: this.row.attempt,
        code: error.code,
        retry_in_ms: retry?.ms ?? null,
      },
    });
    if (retry) {
      this.row.deadline = null;
      await this.#setTurn('running', { error });
      await this.#enqueue({ announced: false, failures: retry.failures }, new Date(this.#now.getTime() + retry.ms));
    } else if (this.row.on_turn_failure === 'skip') {
      await this.skip('failed', error);
      await this.next();
    } else {
      await this.stop({ reason: error.code, by: null, turn: 'failed', error });
    }
  }

  /** Pauses: whoever speaks is cut off, and begins this turn anew when it goes on. */
  async stop(how: { reason: string; by: By | null; turn: TurnStatus; error?: Turn['error'] }): Promise<void> {
    await this.halt();
    this.#become('pause', how.reason);
    if (this.row.attempt > 0) await this.#setTurn(how.turn, { error: how.error ?? null });
    append(this.tx, events.discussionPaused, {
      stream: this.stream,
      subject: this.row.id,
      data: { discussion_id: this.row.id, reason: how.reason, by: how.by },
    });
  }

  /** Makes whatever is under way count for nothing, and takes its job back. */
  async halt(): Promise<void> {
    this.#write(this.#deps.jobs.cancel(this.tx, TURN_JOB, this.#jobKey()));
    this.row.step += 1;
    this.row.deadline = null;
  }

  /** Sets in motion that the discussion's memory is kept up; one that has ended needs none any more. */
  async remember(): Promise<void> {
    if (!hasEnded(this.row.status)) await askForUpkeep(this.#deps.jobs, this.tx, this.row.id);
  }

  /** Ends the discussion. */
  async end(action: 'complete' | 'cancel' | 'fail', reason: string, by?: By): Promise<void> {
    this.row.step += 1;
    this.#become(action, reason);
    // A turn that was to be begun anew, and now is not.
    if (this.row.attempt > 0 && action !== 'cancel') await this.#endTurn('cancelled', {});
    this.row.next_speaker = null;
    if (action !== 'cancel') this.row.started_at ??= this.#now;
    this.row.ended_at = this.#now;
    this.row.deadline = null;
    this.#write(this.#deps.agents.release(this.tx, this.stream));
    const about = { stream: this.stream, subject: this.row.id };
    const discussion_id = this.row.id;
    if (by) append(this.tx, events.discussionCancelled, { ...about, data: { discussion_id, by } });
    else {
      const status = action === 'fail' ? 'failed' : 'completed';
      append(this.tx, events.discussionCompleted, { ...about, data: { discussion_id, status, reason } });
    }
  }

  /** Who would speak next, without setting anything in motion: for a discussion that is not going. */
  preview(): void {
    const decision = this.#wouldBe();
    this.row.turn = this.row.state.turns + 1;
    this.row.next_speaker =
      decision.kind === 'speak' ? { participant_id: decision.participantId, reason: decision.reason } : null;
  }

  /** Whether somebody else would be chosen now than the one who has the turn. */
  get isOutdated(): boolean {
    const decision = this.#wouldBe();
    if (!this.row.next_speaker) return decision.kind !== 'wait';
    return decision.kind !== 'speak' || decision.participantId !== this.row.next_speaker.participant_id;
  }

  /** Decides from the log what happens next, and sets it in motion. */
  async next(): Promise<void> {
    const decision = this.#decide();
    this.row.turn = this.row.state.turns + 1;
    if (decision.kind === 'end') return this.end(decision.action, decision.reason);
    if (decision.kind === 'pause') {
      this.preview();
      return this.stop({ reason: decision.reason, by: null, turn: 'paused' });
    }
    if (decision.kind === 'ask') {
      this.row.next_speaker = null;
      this.#become('speak', null);
      return this.#enqueue({ announced: true, failures: 0 }, this.#now);
    }
    if (decision.kind === 'wait') return this.#awaitChoice(decision.reason);
    this.row.next_speaker = { participant_id: decision.participantId, reason: decision.reason };
    const speaker = this.speaker as Participant;
    this.#become(speaker.kind === 'agent' ? 'speak' : 'wait', null);
    const started = await this.begin();
    const due = speaker.kind === 'agent' ? this.#now : (this.row.deadline as Date);
    await this.#enqueue({ announced: true, started, failures: 0 }, due);
  }

  /** Waits for a person to say who speaks; no longer than the discussion's time. */
  async #awaitChoice(reason: string): Promise<void> {
    const awaited = this.row.status === 'waiting' && this.row.status_reason === reason;
    this.row.next_speaker = null;
    this.#become('wait', reason);
    if (!awaited) {
      append(this.tx, events.choiceAwaited, {
        stream: this.stream,
        subject: this.row.id,
        data: { discussion_id: this.row.id, turn: this.row.turn },
      });
    }
    const { max_seconds: maxSeconds } = this.row.limits;
    // No job is made, but whatever an older one still does must count for nothing.
    if (maxSeconds === undefined) this.row.step += 1;
    else {
      const restMs = Math.ceil(Math.max(0, maxSeconds * 1_000 - this.row.elapsed_ms));
      await this.#enqueue({ announced: true, failures: 0 }, new Date(this.#now.getTime() + restMs));
    }
  }

  /** One more attempt at the turn under way, announced. Answers the event's id. */
  async begin(): Promise<string> {
    const speaker = this.speaker as Participant;
    const reason = this.row.next_speaker?.reason ?? '';
    const { ms } = turnBudget(this.row.limits, this.row.elapsed_ms);
    this.row.deadline = new Date(this.#now.getTime() + Math.ceil(ms));
    this.row.attempt += 1;
    const begun = turnStore.beginTurn(this.tx, this.row.id, {
      turn: this.row.turn,
      participant_id: speaker.id,
      name: speaker.name,
      reason,
      status: speaker.kind === 'agent' ? 'running' : 'waiting',
      attempts: this.row.attempt,
      started_at: this.#now,
    });
    this.#write(begun);
    return append(this.tx, events.turnStarted, {
      stream: this.stream,
      subject: this.row.id,
      data: { ...this.#turnFacts(speaker), kind: speaker.kind, attempt: this.row.attempt, reason },
    });
  }

  /**
   * Statements are sent while the rest is decided, and waited for at the end: a turn's nine round trips are three. They
   * arrive in the order in which they were sent, so a read that comes after them sees them.
   */
  #write(statement: Promise<unknown>): void {
    // What fails, fails the transaction; `save` tells it.
    statement.catch(() => {});
    this.#writes.push(statement);
  }

  async save(): Promise<void> {
    this.row.version += 1;
    this.row.updated_at = this.#now;
    this.#write(store.saveDiscussion(this.tx, this.row));
    await Promise.all(this.#writes.splice(0));
  }

  #decide() {
    const { policy, participants, limits, state } = this.row;
    const spent = {
      turns: state.turns,
      tokens: this.row.input_tokens + this.row.output_tokens + this.owed.input_tokens + this.owed.output_tokens,
      costNanoUsd: this.row.cost_nano_usd,
      elapsedMs: this.row.elapsed_ms,
    };
    return decide({ policy, participants, limits, state, spent });
  }

  /** The same, as if it could cost whatever it costs. */
  #wouldBe() {
    const decision = this.#decide();
    return decision.kind === 'pause' ? decision.otherwise : decision;
  }

  #become(action: Action, reason: string | null): void {
    const status = after(this.row.status, action);
    if (status === null) {
      throw new AppError('conflict', { message: `The discussion is ${this.row.status}.` });
    }
    this.row.status = status;
    this.row.status_reason = reason;
    this.row.running_since = isGoing(status) ? this.#now : null;
    if (isGoing(status)) this.row.started_at ??= this.#now;
  }

  async #enqueue(job: Omit<TurnPayload, 'discussion_id' | 'step'>, runAt: Date): Promise<void> {
    this.row.step += 1;
    const payload: TurnPayload = { discussion_id: this.row.id, step: this.row.step, ...job };
    const late = runAt > this.#now ? { runAt } : {};
    this.#write(this.#deps.jobs.enqueue(this.tx, { kind: TURN_JOB, key: this.#jobKey(), payload, ...late }));
  }

  #jobKey(): string {
    return `${this.row.id}/${this.row.step}`;
  }

  #turnFacts(speaker: Participant) {
    return {
      discussion_id: this.row.id,
      turn: this.row.turn,
      participant_id: speaker.id,
      name: speaker.name,
    };
  }

  async #endTurn(
    status: TurnStatus,
    end: Partial<Pick<turnStore.TurnEnd, 'message_id' | 'usage' | 'error'>>,
  ): Promise<void> {
    await this.#setTurn(status, end, this.#now);
    this.row.attempt = 0;
    this.row.deadline = null;
  }

  async #setTurn(
    status: TurnStatus,
    {
      error = null,
      message_id = null,
      usage = NOTHING,
    }: Partial<Pick<turnStore.TurnEnd, 'message_id' | 'usage' | 'error'>>,
    ended_at: Date | null = null,
  ): Promise<void> {
    const { turn } = this.row;
    const { given } = this;
    this.#write(turnStore.setTurn(this.tx, this.row.id, { turn, status, error, message_id, usage, ended_at, given }));
  }
}

/** A participant as the author of what it says. */
export const authorOf = (participant: Participant): Author => ({
  kind: participant.kind,
  participant_id: participant.id,
  agent_id: participant.agent_id,
  user_id: participant.user_id,
  name: participant.name,
});
