import type { Ctx } from '../../../platform/context.ts';
import type { Reader } from '../../../platform/db/queries.ts';
import { Download } from '../../../platform/http/router.ts';
import { missing } from '../interventions/enter.ts';
import { discussionFacts, turnOf } from '../present.ts';
import type { DiscussionFacts } from '../schemas.ts';
import type { DiscussionsDeps } from '../service.ts';
import { type DiscussionRow, findDiscussion } from '../store.ts';
import { type TurnRow, turnsAfter, turnsBetween } from '../turns/store.ts';
import { headPart, Transcript } from './markdown.ts';
import type { ExportedEntry, ExportFormat } from './schemas.ts';
import { type EntryRow, entriesBetween } from './store.ts';

/** Entries, or turns, that are in memory at once; fewer where they are long. */
const PAGE = 100;

/**
 * A discussion as a file, made as it is read: a page of its log is in memory at a time, no connection is held between two
 * pages, and what is added meanwhile is not in it.
 */
export async function exportDiscussion(
  { db, clock }: Pick<DiscussionsDeps, 'db' | 'clock'>,
  ctx: Ctx,
  { id, format }: { id: string; format: ExportFormat },
): Promise<Download> {
  const reader = db.reader(ctx);
  const row = await findDiscussion(reader, id);
  if (!row) throw missing();
  const now = clock.now();
  const discussion = discussionFacts(row, now);
  const about = { reader, row, discussion, now };
  return format === 'json'
    ? new Download({ type: 'application/json', filename: `${nameOf(discussion)}.json`, pieces: jsonPieces(about) })
    : new Download({ type: 'text/markdown', filename: `${nameOf(discussion)}.md`, pieces: markdownPieces(about) });
}

type About = {
  readonly reader: Reader;
  readonly row: DiscussionRow;
  readonly discussion: DiscussionFacts;
  readonly now: Date;
};

async function* markdownPieces({ reader, row, discussion, now }: About): AsyncGenerator<string> {
  yield headPart(discussion, now);
  const transcript = new Transcript(discussion);
  for await (const page of entries(reader, row)) {
    const turns = await turnsOf(reader, row.id, page);
    yield page.map((entry) => transcript.part(entry, turns.get(entry.turn))).join('');
  }
  yield transcript.tail();
}

async function* jsonPieces({ reader, row, discussion, now }: About): AsyncGenerator<string> {
  const head = { format: 'parley.discussion', version: 1, exported_at: now.toISOString(), discussion };
  yield `${JSON.stringify(head).slice(0, -1)},"entries":[`;
  let comma = '\n';
  for await (const page of entries(reader, row)) {
    yield comma + page.map((entry) => JSON.stringify(entryOf(entry))).join(',\n');
    comma = ',\n';
  }
  yield '],"turns":[';
  comma = '\n';
  for (let after = 0; ; ) {
    const page = await turnsAfter(reader, row.id, { turn: after, limit: PAGE });
    const last = page.at(-1);
    if (last === undefined) break;
    yield comma + page.map((turn) => JSON.stringify(turnOf(turn))).join(',\n');
    comma = ',\n';
    after = last.turn;
  }
  yield ']}\n';
}

async function* entries(reader: Reader, { id, last_entry }: DiscussionRow): AsyncGenerator<EntryRow[]> {
  for (let after = 0; after < last_entry; ) {
    const page = await entriesBetween(reader, id, { after, upTo: last_entry, limit: PAGE });
    yield page;
    after = page.at(-1)?.entry ?? last_entry;
  }
}

async function turnsOf(reader: Reader, id: string, page: readonly EntryRow[]): Promise<Map<number | null, TurnRow>> {
  const numbers = page.flatMap(({ turn }) => (turn === null ? [] : [turn]));
  const [first, last] = [numbers[0], numbers.at(-1)];
  if (first === undefined || last === undefined) return new Map();
  return new Map((await turnsBetween(reader, id, [first, last])).map((turn) => [turn.turn, turn]));
}

export function entryOf(row: EntryRow): ExportedEntry {
  const { input_tokens, output_tokens, cost_nano_usd, created_at, ...rest } = row;
  return { ...rest, usage: { input_tokens, output_tokens, cost_nano_usd }, created_at: created_at.toISOString() };
}

/** The topic in words of letters and digits, and enough of the id to tell two apart. */
function nameOf({ id, topic }: DiscussionFacts): string {
  const words = topic.normalize('NFC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  const name = words.join('-').slice(0, 60).toWellFormed().replaceAll('\ufffd', '').replace(/-$/, '');
  return `${name === '' ? 'discussion' : name}-${id.slice(-8)}`;
}
