/** How many speaker colours the style sheet has (`hue-0` …). */
export const HUES = 8;
/** The colour of who has no place at the table: none (`hue-8`). */
export const GUEST = 8;

/** One or two letters to know a speaker by: `ada-lovelace` → `AL`, `bruno` → `Br`. */
export function initials(name: string): string {
  const parts = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const [first, second] = parts;
  if (first === undefined) return '?';
  const letters = [...first];
  if (second === undefined) return (letters[0] ?? '').toUpperCase() + (letters[1] ?? '').toLowerCase();
  return ((letters[0] ?? '') + ([...second][0] ?? '')).toUpperCase();
}

/** A colour for somebody outside of a discussion: the same name, the same colour. */
export function hueOf(name: string): number {
  let hash = 2166136261;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % HUES;
}

/**
 * The colours of those at one table, in its order: everybody's own, as `hueOf` says; who finds it taken gets the next
 * free one. Where a discussion is made and where it is held, the same names have the same colours.
 */
export function huesAt(names: readonly string[]): number[] {
  const free = new Set(Array.from({ length: HUES }, (_, hue) => hue));
  return names.map((name) => {
    const own = hueOf(name);
    if (free.size === 0) return own;
    let hue = own;
    while (!free.has(hue)) hue = (hue + 1) % HUES;
    free.delete(hue);
    return hue;
  });
}
