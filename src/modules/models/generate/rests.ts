import { hash } from 'node:crypto';
import type { AppError, ErrorCode } from '../../../platform/http/errors.ts';
import type { Source } from './source.ts';

/** Why another model may be asked in place of one that has not said a word. */
const PASSED_ON: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'model_unavailable',
  'model_rate_limited',
  'model_timeout',
  'model_authentication',
  'model_not_found',
]);
export const isPassedOn = (code: ErrorCode): boolean => PASSED_ON.has(code);

/** How long a model that could not be had is passed over, where another one is named to take its place. */
const REST_MS: Partial<Record<ErrorCode, number>> = {
  model_authentication: 60_000,
  model_not_found: 60_000,
  model_timeout: 30_000,
  model_unavailable: 10_000,
  model_rate_limited: 5_000,
};
const MAX_REST_MS = 60_000;
const MAX_RESTS = 1_000;

/**
 * Models that were just found to be of no use: a refused key is not tried again by every turn, and a model that hangs does
 * not take half of each turn's time. A key or an address that was changed makes another entry.
 */
export class Rests {
  readonly #now: () => number;
  readonly #entries = new Map<string, { readonly code: ErrorCode; readonly until: number }>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Why it rests, or undefined when it may be asked. */
  of(tenantId: string, source: Source): ErrorCode | undefined {
    const key = keyOf(tenantId, source);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.#now()) return entry.code;
    this.#entries.delete(key);
    return undefined;
  }

  failed(tenantId: string, source: Source, { code, headers }: AppError): void {
    const usual = REST_MS[code];
    if (usual === undefined) return;
    const asked = Number(headers['retry-after'] ?? 0) * 1_000;
    const ms = Math.min(MAX_REST_MS, Math.max(usual, Number.isFinite(asked) ? asked : 0));
    const key = keyOf(tenantId, source);
    this.#entries.delete(key);
    this.#entries.set(key, { code, until: this.#now() + ms });
    // Tenants name their own providers: the map must not grow with them.
    if (this.#entries.size > MAX_RESTS) this.#entries.delete(this.#entries.keys().next().value as string);
  }

  answered(tenantId: string, source: Source): void {
    this.#entries.delete(keyOf(tenantId, source));
  }
}

/** A digest, for the provider's key is a part of it. */
const keyOf = (tenantId: string, { id, baseUrl, secret }: Source): string =>
  hash('sha256', JSON.stringify([tenantId, id, baseUrl ?? '', secret ?? '']), 'base64');
