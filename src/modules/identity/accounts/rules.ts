import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { COMMON_PASSWORDS } from './common-passwords.ts';

export const PASSWORD_MIN = 10;
export const PASSWORD_MAX = 128;
/** A pattern for schemas: something, an @, something; no white space, no control characters. RFC 5321 allows 254. */
export const EMAIL_PATTERN = '^[^\\s@\\u0000-\\u001f\\u007f]{1,64}@[^\\s@\\u0000-\\u001f\\u007f]{1,189}$';

const EMAIL = new RegExp(EMAIL_PATTERN);

/**
 * How an email is looked up. Text that is no email gets a key too, which nobody has, so that it takes the same way
 * (and the same time) as an unknown one.
 */
export function emailKey(email: string): string {
  const key = email.normalize('NFC').trim().toLowerCase();
  if (EMAIL.test(key) && key.length <= 254 && key.isWellFormed()) return key;
  return `!${createHash('sha256').update(email).digest('hex')}`;
}

/** What is wrong with a password, as a sentence; undefined when nothing is. Lengths count characters, not bytes. */
export function passwordFault(password: string, email: string): string | undefined {
  const text = password.normalize('NFC');
  const length = [...text].length;
  if (length < PASSWORD_MIN) return `Use at least ${PASSWORD_MIN} characters.`;
  if (length > PASSWORD_MAX) return `Use at most ${PASSWORD_MAX} characters.`;
  const lower = text.toLowerCase();
  if (COMMON_PASSWORDS.has(lower) || isTooSimple(lower)) return 'This is one of the commonest passwords.';
  const [local = ''] = emailKey(email).split('@');
  if (lower === emailKey(email) || lower === local) return 'Do not use the email as the password.';
  return undefined;
}

/** What fingers run along: digits, the alphabet, the rows of a keyboard, as often as it takes. */
const RUNS = ['1234567890', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm', 'qwertzuiopasdfghjklyxcvbnm']
  .flatMap((run) => [run, [...run].reverse().join('')])
  .map((run) => run.repeat(Math.ceil(PASSWORD_MAX / run.length) + 1));

/** Fewer than four different characters, one short piece repeated, or nothing but a run. */
function isTooSimple(text: string): boolean {
  return new Set(text).size < 4 || /^(.{1,4})\1+$/.test(text) || RUNS.some((run) => run.includes(text));
}

/** The network a request came from, without the address: enough to notice a stranger, not enough to name a person. */
export function networkOf(ip: string): string {
  if (isIPv4(ip)) return `${ip.split('.').slice(0, 3).join('.')}.0/24`;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return networkOf(mapped);
  if (!isIPv6(ip)) return 'unknown';
  const [head = '', tail] = ip.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) while (groups.length < 3) groups.push('0');
  return `${groups.slice(0, 3).join(':')}::/48`;
}
