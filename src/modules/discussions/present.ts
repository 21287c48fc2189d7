import type { MessageRow } from './log/store.ts';
import { memoryOf } from './memory/window.ts';
import { costReached, neededCost } from './rules/limits.ts';
import type { Discussion, DiscussionFacts, Message, Posted, Turn } from './schemas.ts';
import type { DiscussionRow } from './store.ts';
import type { TurnRow } from './turns/store.ts';

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

/** Who has the turn, or would have it, as the wire shows it. */
export function nextSpeakerOf({ next_speaker, participants }: DiscussionRow): Posted['next_speaker'] {
  const participant = participants.find((p) => p.id === next_speaker?.participant_id);
  if (!participant || !next_speaker) return null;
  return {
    participant_id: participant.id,
    name: participant.name,
    kind: participant.kind,
    reason: next_speaker.reason,
  };
}

/** What a discussion that stands cannot go on without: a higher limit of its cost. */
export function needsOf({ status, limits, cost_nano_usd, state, forked_from }: DiscussionRow): Discussion['needs'] {
  if (status !== 'paused' || !costReached(limits, cost_nano_usd)) return null;
  return { max_cost_usd: neededCost({ costNanoUsd: cost_nano_usd, turns: state.turns - (forked_from?.turns ?? 0) }) };
}

export function discussionFacts(row: DiscussionRow, now: Date): DiscussionFacts {
  const running = row.running_since ? Math.max(0, now.getTime() - row.running_since.getTime()) : 0;
  return {
    id: row.id,
    topic: row.topic,
    status: row.status,
    status_reason: row.status_reason,
    needs: needsOf(row),
    policy: row.policy,
    limits: row.limits,
    on_post: row.on_post,
    on_turn_failure: row.on_turn_failure,
    memory: memoryOf(row.memory),
    participants: [...row.participants],
    context: [...row.context],
    turn: row.turn,
    next_speaker: nextSpeakerOf(row),
    deadline: iso(row.deadline),
    usage: {
      turns: row.state.turns,
      input_tokens: row.input_tokens,
      output_tokens: row.output_tokens,
      cost_nano_usd: row.cost_nano_usd,
      elapsed_seconds: (row.elapsed_ms + running) / 1_000,
    },
    messages: row.last_seq,
    forked_from: row.forked_from && { discussion_id: row.forked_from.discussion_id, seq: row.forked_from.seq },
    version: row.version,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    started_at: iso(row.started_at),
    ended_at: iso(row.ended_at),
  };
}

export const discussionOf = (row: DiscussionRow, { now, cursor }: { now: Date; cursor: string }): Discussion => ({
  ...discussionFacts(row, now),
  cursor,
});

export function messageOf(row: MessageRow): Message {
  const { cues: _cues, edge: _edge, ...metadata } = row.metadata;
  const { author } = row;
  const byModel = author.kind === 'agent';
  return {
    id: row.id,
    seq: row.seq,
    turn: row.turn,
    author,
    content: row.content,
    metadata,
    usage: byModel
      ? { input_tokens: row.input_tokens, output_tokens: row.output_tokens, cost_nano_usd: row.cost_nano_usd }
      : null,
    time_to_first_token_ms: row.time_to_first_token_ms,
    duration_ms: row.duration_ms,
    created_at: row.created_at.toISOString(),
  };
}

export const turnOf = (row: TurnRow): Turn => ({
  turn: row.turn,
  participant_id: row.participant_id,
  name: row.name,
  reason: row.reason,
  proposals: row.proposals,
  status: row.status,
  attempts: row.attempts,
  error: row.error,
  message_id: row.message_id,
  message_seq: row.message_seq,
  time_to_first_token_ms: row.time_to_first_token_ms,
  usage: { input_tokens: row.input_tokens, output_tokens: row.output_tokens, cost_nano_usd: row.cost_nano_usd },
  started_at: row.started_at.toISOString(),
  ended_at: iso(row.ended_at),
});
