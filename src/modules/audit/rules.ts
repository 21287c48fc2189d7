import { createHash } from 'node:crypto';

/** What the first record's `previous_hash` is. */
export const GENESIS = Buffer.alloc(32);

/** What a record's hash covers. */
export type Entry = {
  readonly tenantId: string;
  /** 1, 2, 3 … within the tenant. */
  readonly seq: number;
  readonly eventId: string;
  readonly type: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly actorKind: string | null;
  readonly actorId: string | null;
  readonly subject: string;
  readonly data: unknown;
};

/**
 * SHA-256 over the hash before and the entry as canonical JSON, so that the same entry hashes the same after it was
 * a row: `jsonb` keeps neither the order of fields nor white space.
 */
export function hashOf(previous: Buffer, entry: Entry): Buffer {
  const fields = [
    entry.tenantId,
    entry.seq,
    entry.eventId,
    entry.type,
    entry.time,
    entry.actorKind,
    entry.actorId,
    entry.subject,
    canonical(entry.data),
  ];
  return createHash('sha256').update(previous).update(JSON.stringify(fields)).digest();
}

/** Objects as sorted lists of their fields: one text for equal values. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return ['array', value.map(canonical)];
  if (typeof value !== 'object' || value === null) return value ?? null;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return ['object', fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, canonical(field)])];
}

/** Who did it, as our events say it: `by: {kind, id}`. */
export function actorOf(data: unknown): { kind: string; id: string } | undefined {
  const by = (data as { by?: { kind?: unknown; id?: unknown } } | null)?.by;
  return typeof by?.kind === 'string' && typeof by.id === 'string' ? { kind: by.kind, id: by.id } : undefined;
}

export type Link = Entry & { readonly previousHash: Buffer; readonly hash: Buffer };

/** Where a chain stands: after record `seq`, whose hash is `hash`. */
export type Head = { readonly seq: number; readonly hash: Buffer };

export type Break = { readonly seq: number; readonly reason: 'missing' | 'altered' | 'relinked' };

/**
 * Follows the chain over the next records. `missing`: the number after the head is not there. `relinked`: a record
 * does not continue the one before. `altered`: its content is not what was hashed.
 */
export function follow(head: Head, links: readonly Link[]): { head: Head } | { broken: Break } {
  let { seq, hash } = head;
  for (const link of links) {
    if (link.seq !== seq + 1) return { broken: { seq: seq + 1, reason: 'missing' } };
    if (!link.previousHash.equals(hash)) return { broken: { seq: link.seq, reason: 'relinked' } };
    if (!hashOf(hash, link).equals(link.hash)) return { broken: { seq: link.seq, reason: 'altered' } };
    ({ seq, hash } = link);
  }
  return { head: { seq, hash } };
}
