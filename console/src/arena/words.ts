import type { Discussion, Participant, Policy, Turn } from '@parley/sdk';
import { listed, plural } from '../lib/format.ts';
import { GUEST, huesAt } from '../lib/speakers.ts';

/** Participants in their order, each with a colour of its own; who only interjects has none. */
export function hueIn(discussion: Discussion, participantId: string | null | undefined): number {
  const place = discussion.participants.findIndex((participant) => participant.id === participantId);
  return huesAt(discussion.participants.map(({ name }) => name))[place] ?? GUEST;
}

export const participantOf = (discussion: Discussion, id: string | null | undefined): Participant | undefined =>
  discussion.participants.find((participant) => participant.id === id);

export const nameOf = (discussion: Discussion, id: string | null | undefined): string =>
  participantOf(discussion, id)?.name ?? 'somebody';

const KNOWN: Record<string, string> = {
  max_turns: 'all its turns are taken',
  max_tokens: 'its tokens are spent',
  max_cost_usd: 'its budget is spent',
  max_seconds: 'its time is up',
  requested: 'somebody asked for it',
  verdict: 'the judge gave a verdict',
  no_verdict: 'the judge gave no verdict',
  end_of_graph: 'no edge of the graph led on',
  choose_next: 'somebody has to name the next speaker',
  every_turn_failed: 'every turn failed',
};

/** Reasons come as words of the protocol (`max_turns`) or as sentences; both become a part of a sentence. */
export function reasonText(reason: string): string {
  const known = KNOWN[reason];
  if (known) return known;
  if (/^[a-z_]+$/.test(reason)) return reason.replaceAll('_', ' ');
  return reason.charAt(0).toLowerCase() + reason.slice(1).replace(/\.$/, '');
}

const POLICY_NAMES: Record<Policy['type'], string> = {
  round_robin: 'Round robin',
  priority: 'Priority',
  mention: 'Mention',
  moderator: 'Moderator',
  vote: 'Vote',
  graph: 'Graph',
  debate: 'Debate',
  manual: 'By hand',
};
export const policyName = ({ type }: Policy): string => POLICY_NAMES[type];

/** Who speaks when, in sentences. */
export function policyText(discussion: Discussion): string {
  const { policy } = discussion;
  const name = (id: string): string => nameOf(discussion, id);
  switch (policy.type) {
    case 'round_robin':
      return `${listed(policy.order.map(name))} in turn, and again.`;
    case 'priority':
      return `Turns in proportion: ${listed(policy.weights.map((w) => `${name(w.participant_id)} ${w.weight}`))}.`;
    case 'mention':
      return policy.fallback === null
        ? 'Whoever the last message calls by @name; if it calls nobody, the next in order.'
        : `Whoever the last message calls by @name; if it calls nobody, ${name(policy.fallback)}.`;
    case 'moderator':
      return `${moderatorName(discussion, policy)} proposes who speaks next. What it proposes in vain is decided by rule.`;
    case 'vote':
      return 'Every agent is asked who should speak next; most ballots win, and of these whoever has had fewest turns.';
    case 'graph':
      return `Begins with ${name(policy.start)} and goes along the edges: whoever is called by @name, else where the words of an edge occur, else on.`;
    case 'debate':
      return `${listed(policy.sides.map(({ name: side, participants }) => `${side} (${listed(participants.map(name))})`))} for ${plural(policy.rounds, 'round')}; ${name(policy.judge)} closes with a verdict.`;
    case 'manual':
      return 'Nobody speaks before a person names them.';
  }
}

export function moderatorName(discussion: Discussion, policy: Extract<Policy, { type: 'moderator' }>): string {
  if (policy.agent_id === undefined) return policy.model ?? 'Your team’s default model';
  const known = discussion.participants.find((participant) => participant.agent_id === policy.agent_id);
  return known?.name ?? 'An agent';
}

/** What a message does while somebody speaks. */
export const ON_POST: Record<Discussion['on_post'], { title: string; text: string }> = {
  enqueue: { title: 'Waits', text: 'The speaker finishes; the next one hears you.' },
  interrupt: { title: 'Interrupts', text: 'The speaker stops, keeps what was said, and you are heard first.' },
  rollback: {
    title: 'Takes it back',
    text: 'The speaker’s words are dropped; the turn begins anew, with yours heard.',
  },
  reject: { title: 'Not now', text: 'Nobody is interrupted: what comes meanwhile is refused.' },
};

const REFUSED: Record<string, string> = {
  names_nobody: 'names nobody at the table',
  names_several: 'names more than one',
  names_oneself: 'names its own author',
  failed: 'could not be had',
};

/** Why a proposal or ballot did not count. */
export const refusedText = (refused: string): string => REFUSED[refused] ?? reasonText(refused);

const TURN_STATUS: Record<Turn['status'], string> = {
  running: 'under way',
  waiting: 'awaited',
  paused: 'paused',
  completed: 'said',
  interrupted: 'interrupted',
  skipped: 'skipped',
  failed: 'failed',
  cancelled: 'cancelled',
};
export const turnStatusText = (status: Turn['status']): string => TURN_STATUS[status];

/** `in 1:05`, for a moment that comes. Nothing once it has passed. */
export function remaining(deadline: string | null, now: number): number | undefined {
  if (deadline === null) return undefined;
  const left = (Date.parse(deadline) - now) / 1000;
  return left > 0 ? left : undefined;
}

/** The end of a text that fits a few lines, from a word's beginning. */
export function tail(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(-length);
  const space = cut.search(/\s/);
  return `…${space < 0 ? cut : cut.slice(space)}`;
}
