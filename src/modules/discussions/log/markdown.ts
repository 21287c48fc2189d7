import { inline, quoted } from '../../../lib/markdown.ts';
import { NANO_PER_USD } from '../rules/limits.ts';
import type { DiscussionFacts } from '../schemas.ts';
import type { TurnRow } from '../turns/store.ts';
import type { EntryRow } from './store.ts';

const KINDS: Readonly<Record<string, string>> = { agent: 'agent', user: 'person', seat: 'seat' };
const STATUS_REASONS: Readonly<Record<string, string>> = {
  max_turns: 'the limit of turns was reached',
  max_tokens: 'the limit of tokens was reached',
  max_cost_usd: 'the limit of cost was reached',
  max_seconds: 'its time was over',
  every_turn_failed: 'every turn failed',
  requested: 'somebody asked for it',
  verdict: 'the judge gave a verdict',
  no_verdict: 'the judge gave no verdict',
  end_of_graph: 'the graph leads no further',
  choose_next: 'somebody has to choose who speaks next',
};
/** Characters of a heading; a longer topic follows in full. */
const MAX_HEADING = 120;

/** 2026-11-21 14:03:22 UTC */
const time = (at: Date | string): string =>
  `${(typeof at === 'string' ? at : at.toISOString()).slice(0, 19).replace('T', ' ')} UTC`;
const count = (value: number): string => value.toLocaleString('en-US');
const plural = (value: number, one: string): string => `${count(value)} ${one}${value === 1 ? '' : 's'}`;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** Cents are not enough for what a turn costs: two digits that say something, and at least cents. */
export function dollars(nano: number): string {
  const usd = nano / NANO_PER_USD;
  const digits = usd === 0 || usd >= 0.1 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

const because = (reason: string | null): string =>
  reason === null ? '' : (STATUS_REASONS[reason] ?? `\`${reason.replace(/[^\w.-]/g, '')}\``);

/** Everything before the first message. */
export function headPart(discussion: DiscussionFacts, exportedAt: Date): string {
  const { topic, status, policy, participants, context, forked_from, started_at, ended_at, messages, usage } =
    discussion;
  const [firstLine = ''] = topic.trim().split('\n', 1);
  const whole = firstLine.length === topic.trim().length && firstLine.length <= MAX_HEADING;
  const title = firstLine.length > MAX_HEADING ? `${firstLine.slice(0, MAX_HEADING).toWellFormed()}…` : firstLine;
  const facts = [
    ['Status', status],
    ['Policy', policy.type.replaceAll('_', ' ')],
    ['Length', `${plural(messages, 'message')} in ${plural(usage.turns, 'turn')}`],
    ['Began', started_at && time(started_at)],
    ['Ended', ended_at && time(ended_at)],
    ['Forked from', forked_from && `\`${forked_from.discussion_id}\`, after message ${forked_from.seq}`],
    ['Exported', time(exportedAt)],
  ];
  return [
    `# ${inline(title)}`,
    ...(whole ? [] : [quoted(topic)]),
    facts.flatMap(([name, value]) => (value ? [`- **${name}:** ${value}`] : [])).join('\n'),
    '## Participants',
    participants.map(({ name, kind }) => `- **${inline(name)}**, ${KINDS[kind] ?? kind}`).join('\n'),
    ...(context.length === 0
      ? []
      : ['## Context', context.map(({ title, bytes }) => `- ${inline(title)} (${size(bytes)})`).join('\n')]),
    '## Discussion',
  ].join('\n\n');
}

const size = (bytes: number): string => (bytes < 1_024 ? `${bytes} bytes` : `${Math.round(bytes / 1_024)} KB`);

/** Writes entries one after the other, and remembers what the last page needs. Bounded: a line a speaker. */
export class Transcript {
  readonly #discussion: DiscussionFacts;
  readonly #spent = new Map<string, Spent>();
  /** Proposals and ballots for the turn that comes. */
  #proposals: string[] = [];
  #footnotes = 0;
  /** What was taken over from another discussion was paid for there. */
  #counts: boolean;

  constructor(discussion: DiscussionFacts) {
    this.#discussion = discussion;
    this.#counts = discussion.forked_from === null;
  }

  /** One entry, beginning with an empty line; nothing for what shows elsewhere. */
  part(entry: EntryRow, turn: TurnRow | undefined): string {
    this.#count(entry);
    if (entry.kind === 'message') return this.#message(entry, turn);
    if (entry.kind === 'turn_end') return this.#silence(entry, turn);
    this.#proposals.push(this.#proposal(entry));
    return '';
  }

  #message(entry: EntryRow, turn: TurnRow | undefined): string {
    const { seq, author, content, metadata } = entry;
    const outside = author.participant_id === null;
    const facts = [
      entry.turn === null ? (outside ? 'from outside' : 'in between') : `Turn ${entry.turn}`,
      time(entry.created_at),
      turn && inline(turn.reason).replace(/\.$/, ''),
      metadata.model && `\`${metadata.model.replaceAll('`', '')}\``,
      metadata.rehearsal && 'a rehearsal, no language model',
      (entry.duration_ms ?? 0) >= 100 && seconds(entry.duration_ms as number),
      metadata.finish_reason === 'interrupted' && 'cut short',
    ];
    const proposals = entry.turn === null ? [] : this.#proposals.splice(0);
    const notes = (metadata.citations ?? []).map(({ title, quote }) => {
      this.#footnotes += 1;
      return { mark: `[^${this.#footnotes}]`, text: `${inline(title)}: “${inline(quote)}”` };
    });
    return [
      '',
      `### ${seq} · ${inline(author.name)}`,
      `*${facts.filter(Boolean).join(' · ')}*`,
      ...(proposals.length > 0 ? [proposals.join('\n')] : []),
      quoted(content),
      ...(notes.length > 0 ? [`Sources: ${notes.map(({ mark }) => mark).join(' ')}`] : []),
      ...notes.map(({ mark, text }) => `${mark}: ${text}`),
    ].join('\n\n');
  }

  #silence({ turn: number, author, metadata }: EntryRow, turn: TurnRow | undefined): string {
    const why = { skipped: 'was passed over', failed: 'failed', interrupted: 'was interrupted before the first word' };
    const what = why[metadata.outcome ?? 'skipped'];
    const code = turn?.error ? ` (\`${turn.error.code}\`)` : '';
    const proposals = this.#proposals.splice(0);
    const line = `*Turn ${number} · ${inline(author.name)} ${what}${code}.*`;
    return ['', ...(proposals.length > 0 ? [proposals.join('\n')] : []), line].join('\n\n');
  }

  #proposal({ author, metadata }: EntryRow): string {
    const { choice, vote, refused } = metadata;
    const chosen = choice?.participantId ?? vote;
    const name = this.#discussion.participants.find(({ id }) => id === chosen)?.name;
    const count = refused ? `, which does not count: ${refused.replaceAll('_', ' ')}` : '';
    return `- ${inline(author.name)} → ${name === undefined ? 'nobody' : inline(name)}${count}`;
  }

  #count({ seq, kind, author, input_tokens, output_tokens, cost_nano_usd }: EntryRow): void {
    const { forked_from } = this.#discussion;
    if (this.#counts && kind !== 'turn_end' && input_tokens + output_tokens + (cost_nano_usd ?? 0) > 0) {
      const key = author.participant_id ?? author.name;
      const spent = this.#spent.get(key) ?? { name: author.name, messages: 0, input: 0, output: 0, nano: 0 };
      this.#spent.set(key, {
        name: spent.name,
        messages: spent.messages + (kind === 'message' ? 1 : 0),
        input: spent.input + input_tokens,
        output: spent.output + output_tokens,
        nano: spent.nano + (cost_nano_usd ?? 0),
      });
    }
    this.#counts ||= seq !== null && seq === forked_from?.seq;
  }

  /** How it stands or ended, and what it cost. */
  tail(): string {
    const { status, status_reason, usage } = this.#discussion;
    const over = status === 'completed' || status === 'cancelled' || status === 'failed';
    const why = because(status_reason);
    const total = { name: 'All', messages: null, input: usage.input_tokens, output: usage.output_tokens };
    const rows = [...this.#spent.values(), { ...total, nano: usage.cost_nano_usd }].map(
      ({ name, messages, input, output, nano }) =>
        `| ${inline(name)} | ${messages ?? ''} | ${count(input)} | ${count(output)} | ${dollars(nano)} |`,
    );
    return [
      '',
      over ? '## How it ended' : '## How it stands',
      `The discussion ${over ? 'was' : 'is'} ${status} after ${plural(usage.turns, 'turn')} and ` +
        `${Math.round(usage.elapsed_seconds)} s${why === '' ? '.' : `: ${why}.`}`,
      '## Tokens and cost',
      ['| | Messages | Input tokens | Output tokens | Cost |', '|---|---:|---:|---:|---:|', ...rows].join('\n'),
      'What has no known price counts nothing. Attempts without a message are only in the last line.\n',
    ].join('\n\n');
  }
}

type Spent = { name: string; messages: number; input: number; output: number; nano: number };
