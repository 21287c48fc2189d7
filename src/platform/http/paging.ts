import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { type Static, type TSchema, Type } from 'typebox';
import { AppError } from './errors.ts';

/** Query of a catalogue: `?page=1&page_size=20`. Spread `.properties` beside filters of your own. */
export const pageQuery = Type.Object({
  page: Type.Integer({ minimum: 1, maximum: 100_000, default: 1, description: 'Counted from 1.' }),
  page_size: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'Items on a page.' }),
});
export type PageQuery = Static<typeof pageQuery>;

/** Answer of a catalogue: one page, and how many items there are in all. */
export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    total: Type.Integer({ minimum: 0, description: 'Items on all pages together.' }),
    page: Type.Integer({ minimum: 1 }),
    page_size: Type.Integer({ minimum: 1 }),
  });

/** `limit` and `offset` of a page, for SQL. */
export const pageRange = ({ page, page_size }: PageQuery) => ({ limit: page_size, offset: (page - 1) * page_size });

/** Query of a log: `?cursor=…&limit=50`. */
export const cursorQuery = Type.Object({
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1024,
      description: '`next_cursor` of the page before; absent: from the start.',
    }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'Items at most.' }),
});

/** Answer of a log: items, and where the next ones begin. */
export const cursorPageOf = <T extends TSchema>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'null: there is nothing after these items.' }),
  });

/** What a cursor is bound to: it opens nowhere else. `list` names the route, `filter` everything that selects or sorts. */
export type CursorScope = { readonly tenantId: string; readonly list: string; readonly filter?: unknown };

/** Opaque, signed cursors. What they hold is a keyset: the last item's sort key and id, never an offset. */
export interface Cursors {
  /** `position` is any small JSON value; times as text with microseconds, never as a `Date`. */
  encode(scope: CursorScope, position: unknown): string;
  /** Throws `invalid_cursor` for a cursor of another tenant, list or filter, of another version, or made up. */
  decode(scope: CursorScope, cursor: string): unknown;
}

/** Grows when positions change their meaning: an older cursor is then refused, and the client starts anew. */
const VERSION = 1;
const TAG_BYTES = 16;

/** Makes the cursors of this installation; every process with the same master key understands them. */
export function createCursors(masterKey: Buffer): Cursors {
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', 'parley/cursors', 32));
  const sign = (scope: CursorScope, payload: Buffer) =>
    createHmac('sha256', key)
      .update(digest(JSON.stringify([VERSION, scope.tenantId, scope.list, canonical(scope.filter ?? null)])))
      .update(payload)
      .digest()
      .subarray(0, TAG_BYTES);
  return {
    encode(scope, position) {
      const payload = Buffer.from(JSON.stringify(position));
      return Buffer.concat([Buffer.from([VERSION]), sign(scope, payload), payload]).toString('base64url');
    },
    decode(scope, cursor) {
      const bytes = Buffer.from(cursor, 'base64url');
      const payload = bytes.subarray(1 + TAG_BYTES);
      if (bytes[0] !== VERSION || payload.length === 0) throw new AppError('invalid_cursor');
      if (!timingSafeEqual(bytes.subarray(1, 1 + TAG_BYTES), sign(scope, payload)))
        throw new AppError('invalid_cursor');
      return JSON.parse(payload.toString());
    },
  };
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The same filter gives the same text, whatever the order of its fields; absent fields do not count. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, canonical(field)]);
}
