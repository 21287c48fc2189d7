import { isUuid } from '../../../lib/ids.ts';

/** Marks that show nothing and make two names look alike, or turn what stands beside them around. */
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const CONTROL = /\p{Cc}/u;
const SAYS_SOMETHING = /[\p{L}\p{N}]/u;

/** What is wrong with the name of a seat, which an outsider chooses; undefined when nothing is. */
export function seatNameFault(name: string): string | undefined {
  if (name !== name.trim() || /\s\s/u.test(name)) return 'must not have spaces around it, nor two in a row';
  if (!name.isWellFormed() || CONTROL.test(name) || INVISIBLE.test(name)) return 'must not have invisible characters';
  if (!SAYS_SOMETHING.test(name)) return 'must have a letter or a digit';
  if (name.startsWith('@')) return 'must not begin with @, by which participants are called';
  if (isUuid(name.toLowerCase())) return 'must not be an id';
  return undefined;
}

/** A name that was chosen elsewhere, on one line and without marks that show nothing: it stands in prompts and files. */
export function plainName(name: string): string {
  const line = name
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(new RegExp(INVISIBLE, 'gu'), '')
    .trim();
  return line === '' ? 'Somebody' : line;
}

/** Two names with the same key would be taken for one another. */
export const nameKey = (name: string): string =>
  name
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase();
