import { uuidv7 } from '../../lib/ids.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Reader, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import type { Pool } from '../../platform/pool/pool.ts';
import { digest } from './digest.ts';
import { documentIndexed } from './events.ts';
import { snippetHtml } from './rules.ts';
import {
  type ChangeDocument,
  type CreateDocument,
  type Document,
  type DocumentFacts,
  type DocumentHit,
  MAX_TEXT_BYTES,
} from './schemas.ts';
import * as store from './store.ts';

export type Paging = { readonly page: number; readonly page_size: number };
export type Page<T> = { items: T[]; total: number; page: number; page_size: number };

/** Texts of a tenant, kept for its discussions and agents. */
export type Knowledge = {
  /** Keeps a text within the caller's transaction. Throws `validation_failed` when it is over 1 MiB of UTF-8. */
  create(tx: Tx, input: CreateDocument): Promise<DocumentFacts>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<Document>;
  list(ctx: Ctx, paging: Paging): Promise<Page<DocumentHit>>;
  /** Ranked; any text is a valid query (see `searchDocuments`). */
  search(ctx: Ctx, q: string, paging: Paging): Promise<Page<DocumentHit>>;
  /** Throws `not_found`, `version_mismatch` when `match` (If-Match) does not name the newest version. */
  update(ctx: Ctx, id: string, change: ChangeDocument & { match: readonly number[] | 'any' }): Promise<DocumentFacts>;
  /** Throws `not_found`. */
  remove(ctx: Ctx, id: string): Promise<void>;
  /** The beginnings of these documents, in the order asked for; those that do not exist (any more) are left out. */
  excerpts(from: Reader | Tx, ids: readonly string[], maxChars: number): Promise<store.Excerpt[]>;
  /** Passages of these documents (about a paragraph each) that have most of the query's words, the best first. */
  passages(from: Reader | Tx, query: store.PassageQuery): Promise<store.Passage[]>;
};

const present = (row: store.FactsRow): DocumentFacts => ({
  id: row.id,
  title: row.title,
  bytes: row.bytes,
  words: row.words,
  metadata: row.metadata,
  version: row.version,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});

/** Throws `validation_failed` for a text that is too long. */
function bytesOf(text: string): number {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_TEXT_BYTES) {
    const message = `must be at most ${MAX_TEXT_BYTES} bytes of UTF-8, and is ${bytes}`;
    throw validationFailed([{ in: 'body', field: 'text', rule: 'maxBytes', message }]);
  }
  return bytes;
}

function announce(tx: Tx, row: store.FactsRow): void {
  append(tx, documentIndexed, {
    stream: `knowledge/${row.id}`,
    subject: row.id,
    data: { document_id: row.id, version: row.version, bytes: row.bytes, words: row.words },
  });
}

export function knowledgeService({ db, pool }: { db: Db; pool: Pool }): Knowledge {
  const missing = () => new AppError('not_found', { message: 'There is no such document.' });

  return {
    async create(tx, { title, text, metadata = {} }) {
      const bytes = bytesOf(text);
      const { words, passages } = await digest(pool, text, tx.ctx.signal);
      const row = await store.insertDocument(tx, uuidv7(), { title, text, bytes, words, metadata });
      await store.replacePassages(tx, row.id, passages);
      announce(tx, row);
      return present(row);
    },

    async get(ctx, id) {
      const row = await store.findDocument(db.reader(ctx), id);
      if (!row) throw missing();
      return { ...present(row), text: row.text };
    },

    async list(ctx, { page, page_size }) {
      const reader = db.reader(ctx);
      const rows = await store.listDocuments(reader, { limit: page_size, offset: (page - 1) * page_size });
      const total = rows[0]?.total ?? (page > 1 ? (await store.countDocuments(reader))?.total : 0) ?? 0;
      return { items: rows.map(present), total, page, page_size };
    },

    async search(ctx, q, { page, page_size }) {
      const reader = db.reader(ctx);
      const rows = await store.searchDocuments(reader, q, { limit: page_size, offset: (page - 1) * page_size });
      const total = rows[0]?.total ?? 0;
      const items = rows.map((row) => ({ ...present(row), snippet: snippetHtml(row.headline) }));
      return { items, total, page, page_size };
    },

    update: (ctx, id, { match, ...change }) =>
      db.inTx(ctx, async (tx) => {
        const old = await store.lockDocument(tx, id);
        if (!old) throw missing();
        const { version } = old;
        if (match !== 'any' && !match.includes(version)) {
          throw new AppError('version_mismatch', { details: { current_version: version } });
        }
        const { title = old.title, text = old.text, metadata = old.metadata } = change;
        const bytes = bytesOf(text);
        const { words, passages } = await digest(pool, text, ctx.signal);
        const contents = { title, text, bytes, words, metadata };
        const row = await store.updateDocument(tx, id, { ...contents, version });
        if (!row) throw new AppError('version_mismatch');
        if (contents.text !== old.text) await store.replacePassages(tx, id, passages);
        if (contents.title !== old.title || contents.text !== old.text) announce(tx, row);
        return present(row);
      }),

    remove: (ctx, id) =>
      db.inTx(ctx, async (tx) => {
        if ((await store.deleteDocument(tx, id)) === 0) throw missing();
      }),

    async passages(from, query) {
      return query.ids.length === 0 || query.limit === 0 ? [] : store.bestPassages(from, query);
    },

    async excerpts(from, ids, maxChars) {
      if (ids.length === 0) return [];
      const found = new Map((await store.findExcerpts(from, ids, maxChars)).map((row) => [row.id, row]));
      return ids.flatMap((id) => found.get(id) ?? []);
    },
  };
}
