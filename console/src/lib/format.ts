const NUMBER = new Intl.NumberFormat('en-GB');
const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const DATE_TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

const TIME_SECONDS = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

export const count = (value: number): string => NUMBER.format(value);

/** `1 turn`, `2 turns`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Billionths of a dollar as dollars, with as many places as say something. */
export function cost(nanoUsd: number | null): string {
  if (nanoUsd === null) return 'no price known';
  if (nanoUsd === 0) return '$0';
  const usd = nanoUsd / 1e9;
  if (usd >= 1) return `$${usd.toFixed(2)}`;
  if (usd >= 0.01) return `$${usd.toFixed(3)}`;
  if (usd < 0.00001) return '< $0.00001';
  return `$${usd.toFixed(5)}`;
}

/** `850 ms`, `2.4 s`, `3 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** `1:05`, `1:02:03`: a clock's face. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${(value / 1024).toFixed(value < 10_240 ? 1 : 0)} KB`;
  return `${(value / 1024 / 1024).toFixed(1)} MB`;
}

/** `just now`, `4 min ago`, `3 h ago`, `yesterday`, `12 Mar 2026`. */
export function ago(time: string, now: number = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 172_800) return 'yesterday';
  return DATE.format(new Date(time));
}

export const dateTime = (time: string): string => DATE_TIME.format(new Date(time));
export const timeOfDay = (time: string): string => TIME.format(new Date(time));
export const timeWithSeconds = (time: string): string => TIME_SECONDS.format(new Date(time));
export const date = (time: string): string => DATE.format(new Date(time));

/** `Ada, Bruno and Clara`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** A guess of how many tokens a text is, for figures that grow while the true one is not known yet. */
export const roughTokens = (text: string): number => Math.ceil(text.length / 4);

export const words = (text: string): number => text.split(/\s+/).filter(Boolean).length;
