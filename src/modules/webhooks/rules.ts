import type { Topic } from '../../platform/events/define.ts';

/** Of whom signs in and who is a member: the audit record's, which most members may not read. */
export const GUARDED_TOPIC: Topic = 'identity';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Between the attempts of a delivery, on the average: three days in all. */
const RETRY_STEPS_MS = [
  ...[5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[1 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR],
  ...[12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR],
] as const;

/** A receiver may ask for more patience than the schedule has, up to this. */
const MAX_RETRY_AFTER_MS = DAY;
const MIN_RETRY_MS = SECOND;
const FAILING_FOR_MS = 5 * DAY;

/**
 * How long to wait after so many failures (1, 2, …); undefined: that was the last. Full jitter around the step, so anything
 * from 0 to twice of it, but never before the receiver said that it wants to be asked again.
 */
export function retryDelayMs(
  failures: number,
  { retryAfterMs = 0, random = Math.random }: { retryAfterMs?: number | undefined; random?: () => number } = {},
): number | undefined {
  const step = RETRY_STEPS_MS[failures - 1];
  if (step === undefined) return undefined;
  return Math.max(MIN_RETRY_MS, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS), Math.round(random() * 2 * step));
}

/** What a `Retry-After` asks for: seconds, or a date. */
export function retryAfterMsOf(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND;
  const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

export const succeeded = (status: number | null): boolean => status !== null && status >= 200 && status < 300;

/** Whether a webhook is to be turned off after this failure, and why. */
export function disabling(
  status: number | null,
  { failingSince, now }: { failingSince: Date; now: Date },
): 'gone' | 'failing' | undefined {
  if (status === 410) return 'gone';
  return now.getTime() - failingSince.getTime() >= FAILING_FOR_MS ? 'failing' : undefined;
}

/** Whether a webhook is sent events of this type. */
export function wants(types: readonly string[] | null, type: string, topic: Topic): boolean {
  return types === null ? topic !== GUARDED_TOPIC : types.includes(type);
}

/** Clocks of different processes may differ so much. */
const SKEW_MS = MINUTE;

/** Not what happened before the webhook was there, even when the fan-out is behind. */
export const isSince = (enabledAt: Date, eventTime: string): boolean =>
  Date.parse(eventTime) >= enabledAt.getTime() - SKEW_MS;

const EXCERPT_CHARS = 500;

/** The beginning of an answer, fit for a database and a page: no control characters but line breaks and tabs. */
export function excerptOf(text: string): string | null {
  const clean = text
    .slice(0, EXCERPT_CHARS)
    .toWellFormed()
    .replace(/\p{Cc}/gu, (char) => (char === '\n' || char === '\r' || char === '\t' ? char : '\ufffd'));
  return clean === '' ? null : clean;
}
