import type pg from 'pg';
import { type EntryRow, factOf } from '../../src/modules/discussions/log/store.ts';
import { EMPTY, fold, type State } from '../../src/modules/discussions/rules/fold.ts';
import { nextSpeaker } from '../../src/modules/discussions/rules/policies.ts';
import type { DiscussionRow } from '../../src/modules/discussions/store.ts';
import type { Watched } from './people.ts';
import { compare, type Fault, fault, of } from './verdict.ts';

const REASONS = new Set(['max_turns', 'verdict', 'no_verdict', 'end_of_graph']);

/**
 * What a discussion must be after everything, read past the server from its tables: completed, nothing lost, nothing
 * doubled, nothing out of order, and each speaker one that the rules would have chosen. Answers what is wrong.
 */
export async function judge(db: pg.Client, watched: Watched, answers: ReadonlyMap<string, string>): Promise<Fault[]> {
  const { id } = watched.discussion;
  const { rows: found } = await db.query<DiscussionRow>('select * from discussions where id = $1', [id]);
  const { rows: entries } = await db.query<EntryRow>(
    'select * from discussion_entries where discussion_id = $1 order by entry',
    [id],
  );
  const { rows: events } = await db.query<{ type: string; position: string }>(
    'select type, position from events where stream = $1 order by position',
    [`discussions/${id}`],
  );
  const row = found[0];
  if (!row) return [fault('lost', `${id}: it is gone`)];
  return of(`${row.policy.type} ${id}`, [
    ...watched.faults,
    ...ended(row),
    ...numbered(row, entries),
    ...chosenByRule(row, entries),
    ...said(entries, answers),
    ...kept(watched, entries),
    ...heard(watched, entries),
    ...announced(watched, events),
  ]);
}

function ended({ status, status_reason }: DiscussionRow): Fault[] {
  const fine = status === 'completed' && REASONS.has(status_reason ?? '');
  return fine ? [] : [fault('other', `${status} (${status_reason})`)];
}

/** Entries, messages and turns are each 1, 2, 3 … and each turn ended once. */
function numbered(row: DiscussionRow, entries: readonly EntryRow[]): Fault[] {
  const messages = entries.filter((entry) => entry.kind === 'message');
  const ends = entries.filter((entry) => entry.turn !== null && ['message', 'turn_end'].includes(entry.kind));
  return [
    ...counts(
      'entries',
      entries.map(({ entry }) => entry),
    ),
    ...counts(
      'messages',
      messages.map(({ seq }) => seq),
    ),
    ...counts(
      'turns',
      ends.map(({ turn }) => turn),
    ),
    ...(row.last_seq === messages.length
      ? []
      : [fault('other', `${messages.length} messages, and the row says ${row.last_seq}`)]),
  ];
}

function counts(what: string, numbers: readonly (number | null)[]): Fault[] {
  const due = Array.from({ length: Math.max(0, ...numbers.map(Number)) }, (_, index) => `${index + 1}`);
  return compare(due, numbers.map(String), { what });
}

/** Every turn's speaker is whom the rules chose at some moment since the turn before. */
function chosenByRule({ policy, participants }: DiscussionRow, entries: readonly EntryRow[]): Fault[] {
  let state: State = EMPTY;
  let candidates = new Set<string>();
  const faults: Fault[] = [];
  const look = () => {
    const verdict = nextSpeaker(policy, participants, state);
    if (verdict.kind === 'speak') candidates.add(verdict.participantId);
  };
  look();
  for (const entry of entries) {
    const ends = entry.turn !== null && ['message', 'turn_end'].includes(entry.kind);
    if (ends && !candidates.has(entry.author.participant_id ?? '')) {
      faults.push(fault('out of order', `turn ${entry.turn}: ${entry.author.name} spoke, whom no rule had chosen`));
    }
    if (ends) candidates = new Set();
    state = fold(state, factOf(entry));
    look();
  }
  return faults;
}

/** A message of an agent is one answer of the provider, whole; cut short, its beginning. None comes twice. */
function said(entries: readonly EntryRow[], answers: ReadonlyMap<string, string>): Fault[] {
  const marks = new Set<string>();
  return entries
    .filter((entry) => entry.kind === 'message' && entry.author.kind === 'agent')
    .flatMap(({ seq, content, metadata }) => {
      const mark = content.split(' ', 1)[0] ?? '';
      const answer = answers.get(mark);
      const cut = metadata.finish_reason === 'interrupted';
      const twice = marks.has(mark);
      marks.add(mark);
      if (cut && !content.includes(' ')) return [];
      if (twice) return [fault('doubled', `message ${seq}: the answer ${mark} stands twice`)];
      const whole = cut ? answer?.startsWith(content) : answer === content;
      return whole ? [] : [fault('other', `message ${seq} is not what the provider said: ${content.slice(0, 80)}`)];
    });
}

/** What was acknowledged is there, once, in order. */
function kept({ acknowledged }: Watched, entries: readonly EntryRow[]): Fault[] {
  const people = entries.filter((entry) => entry.kind === 'message' && entry.author.kind !== 'agent');
  const faults = acknowledged.flatMap(({ content, id, seq }) => {
    const copies = people.filter((entry) => entry.content === content);
    if (copies.length === 0) return [fault('lost', `“${content}” was acknowledged, and is not there`)];
    const [copy] = copies;
    return copy?.id === id && copy.seq === seq ? [] : [fault('other', `“${content}” is not the message of its answer`)];
  });
  const all = new Set(people.map(({ content }) => content));
  const more = people.length - all.size;
  return more === 0 ? faults : [...faults, fault('doubled', 'somebody’s message stands twice', more)];
}

/**
 * What was heard of a turn is how its message begins. Of one that was cut short after a crash less may be left: words
 * that were heard in the last second before it had not been kept.
 */
function heard({ heard: texts }: Watched, entries: readonly EntryRow[]): Fault[] {
  return entries
    .filter((entry) => entry.kind === 'message' && entry.turn !== null)
    .flatMap(({ turn, content, metadata }) => {
      const text = texts.get(turn as number) ?? '';
      if (content.startsWith(text)) return [];
      if (metadata.finish_reason === 'interrupted' && text.startsWith(content)) return [];
      return [fault('other', `turn ${turn}: heard “${text.slice(0, 60)}”, posted “${content.slice(0, 60)}”`)];
    });
}

/** The stream gave every event of the log since it was joined, once, in order. */
function announced({ logged, discussion }: Watched, events: readonly { type: string; position: string }[]): Fault[] {
  const from = position(discussion.cursor);
  const due = events.filter((event) => Number(event.position) > from).map((event) => `${event.position} ${event.type}`);
  const came = logged.map((event) => `${position(event.cursor)} ${event.type}`);
  return compare(due, came, { what: 'events', missing: 'holes' });
}

const position = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));
