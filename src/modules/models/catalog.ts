import { createHash } from 'node:crypto';
import type { Outbound } from '../../platform/net/outbound.ts';
import { type Connection, holdsConversations } from './rules.ts';

const FRESH_MS = 5 * 60_000;
/** A provider that could not be asked is left alone for this long. */
const FAILED_MS = 30_000;
const TIMEOUT_MS = 3_000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_MODELS = 1_000;
const MAX_ENTRIES = 500;

type Entry = { readonly models: readonly string[]; readonly until: number };

/** What providers offer, asked at their own lists and kept for five minutes. */
export type Catalog = {
  /** The ids of a provider's models that hold conversations, as it orders them; empty when it cannot be asked. */
  modelsOf(connection: Connection, options?: { timeoutMs?: number }): Promise<readonly string[]>;
};

export function createCatalog({ outbound, now }: { outbound: Outbound; now: () => number }): Catalog {
  const entries = new Map<string, Entry>();
  const asking = new Map<string, Promise<readonly string[]>>();

  async function ask(key: string, connection: Connection, timeoutMs: number): Promise<readonly string[]> {
    const before = entries.get(key);
    let entry: Entry;
    try {
      entry = { models: await fetchModels(connection, outbound, timeoutMs), until: now() + FRESH_MS };
    } catch {
      // A list that was there a moment ago is better than none; whether a key is right is told by the first call.
      entry = { models: before?.models ?? [], until: now() + FAILED_MS };
    }
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value as string);
    return entry.models;
  }

  return {
    async modelsOf(connection, { timeoutMs = TIMEOUT_MS } = {}) {
      const key = keyOf(connection);
      const known = entries.get(key);
      if (known !== undefined && known.until > now()) return known.models;
      const running = asking.get(key) ?? ask(key, connection, timeoutMs).finally(() => asking.delete(key));
      asking.set(key, running);
      // What was known goes on serving while the list is asked for again.
      return known === undefined || known.models.length === 0 ? running : known.models;
    },
  };
}

/** Two tenants share a list only when they have the same address and the same key. */
function keyOf({ kind, baseUrl, apiKey, outbound }: Connection): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, baseUrl, apiKey ?? '', outbound]))
    .digest('base64');
}

async function fetchModels(connection: Connection, outbound: Outbound, timeoutMs: number): Promise<string[]> {
  const { kind, baseUrl, apiKey } = connection;
  const query = kind === 'anthropic' ? '?limit=1000' : kind === 'google' ? '?pageSize=1000' : '';
  const response = await outbound.fetch(connection.outbound)(`${baseUrl}/models${query}`, {
    headers: headersFor(kind, apiKey),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await readText(response);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const ids = kind === 'google' ? googleIds(JSON.parse(text)) : openaiIds(JSON.parse(text));
  return ids.filter((id) => holdsConversations(kind, id)).slice(0, MAX_MODELS);
}

function headersFor(kind: Connection['kind'], apiKey: string | undefined): Record<string, string> {
  if (apiKey === undefined) return {};
  if (kind === 'anthropic') return { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' };
  if (kind === 'google') return { 'x-goog-api-key': apiKey };
  return { authorization: `Bearer ${apiKey}` };
}

async function readText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > MAX_BYTES) throw new Error('The list of models is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const listOf = (value: unknown, key: string): Json[] => {
  const list = isObject(value) ? value[key] : undefined;
  if (!Array.isArray(list)) throw new Error('This is not a list of models');
  return list.filter(isObject);
};
/** Ids that can stand in a path and on a line. */
const isId = (id: unknown): id is string => typeof id === 'string' && /^[^\s\p{Cc}]{1,180}$/u.test(id);

/** `{data:[{id}]}`: OpenAI's, Anthropic's and compatible servers'. */
const openaiIds = (body: unknown): string[] =>
  listOf(body, 'data')
    .map(({ id }) => id)
    .filter(isId);

function googleIds(body: unknown): string[] {
  return listOf(body, 'models')
    .filter(({ supportedGenerationMethods: methods }) => Array.isArray(methods) && methods.includes('generateContent'))
    .map(({ name }) => (typeof name === 'string' ? name.replace(/^models\//, '') : undefined))
    .filter(isId);
}
