const STOP_WORDS = new Set(
  `a about above after again against all also am an and another any are as asks at be because been before being below
  between both but by can cannot case come comes could did do does doing done down during each either else even ever
  every few first for from further get gets give given go goes had has have having he her here hers him his how however
  i if in into is it its itself just keep know less let like made make makes many may me might more most much must my
  need needs never no nor not nothing now of off often on once one only or other others our out over own per put rather
  really said same say says see seem seems shall she should since so some something still such take takes than that the
  their them themselves then there these they thing things think this those though three through thus to too two under
  until up upon us use used uses very want was way we well were what when where whether which while who whole whom whose
  why will with within without would yes yet you your yours am isn't don't doesn't it's that's let's i'm we're you're
  nobody somebody everybody anybody nothing everything anything everyone someone anyone people person two three four
  last next year years half month months week weeks day days time times shall
  five six seven eight nine ten first second hello thanks thank
  topic discussion discuss please question point answer document text`
    .split(/\s+/)
    .filter(Boolean),
);
const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}]|['’.-](?=[\p{L}\p{N}]))*/gu;

/** A light stem, enough to let `limits` meet `limited`. Never shorter than four letters. */
export function stem(word: string): string {
  const lower = word.toLowerCase().replace(/['’]s$/, '');
  const cut = lower.replace(/(?:ies|ing|edly|ed|es|ly|s)$/, '');
  return cut.length >= 4 ? cut : lower;
}

/** Whether a word carries meaning of its own. */
export const isContentWord = (word: string): boolean => word.length > 2 && !STOP_WORDS.has(word.toLowerCase());

/** The stems of the words that carry meaning, in order, with repeats. */
export function contentWords(text: string): string[] {
  return (text.match(WORD) ?? []).filter(isContentWord).map(stem);
}

/** How telling each stem is among these texts: rare ones weigh more. */
export function rarity(texts: readonly (readonly string[])[]): (word: string) => number {
  const counts = new Map<string, number>();
  for (const words of texts) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return (word) => Math.log(1 + texts.length / (1 + (counts.get(word) ?? 0)));
}

// A noun phrase usually stands after one of these; taking only such phrases keeps verbs out.
const BEFORE_NOUN =
  /(?:^|[^\p{L}])(the|an?|this|that|these|those|every|each|no|our|your|their|its|his|her|my|of|in|on|for|with|without|between|about|from|into|by|at|through|than|against)\s+$/iu;
// Common verbs that look like things behind one: "the neighbours worry" is about neighbours.
const VERBS = new Set(
  'stay worry prefer need ask want run begin start show help work mean find hold lead move open close turn fall rise grow'.split(
    ' ',
  ),
);
const SINGULAR = new Set(['a', 'an', 'this', 'that', 'every', 'each']);

export type Phrase = { readonly text: string; readonly score: number };

/**
 * Phrases of one or two content words that could be what a text is about, as written there, the best first.
 * `weigh` scores stems.
 */
export function keyPhrases(text: string, weigh: (stemmed: string) => number): Phrase[] {
  const matches = [...text.matchAll(WORD)];
  const best = new Map<string, number>();
  for (const [index, match] of matches.entries()) {
    const word = match[0].replace(/['’]s$/, '');
    if (!isContentWord(word) || /\d/.test(word)) continue;
    const before = BEFORE_NOUN.exec(text.slice(Math.max(0, match.index - 12), match.index))?.[1]?.toLowerCase();
    const next = matches[index + 1];
    const end = match.index + word.length;
    const joined =
      next !== undefined &&
      text.slice(end, next.index) === ' ' &&
      isContentWord(next[0]) &&
      !looksLikeVerb(next[0], before !== undefined && SINGULAR.has(before));
    const phrase = joined ? `${word} ${next[0]}` : word;
    const weight = (weigh(stem(word)) + (joined ? weigh(stem(next[0])) : 0)) / (joined ? 1.5 : 1);
    const written = startsSentence(text, match.index) ? lowerFirst(phrase) : phrase;
    best.set(written, Math.max(best.get(written) ?? 0, weight * (before === undefined ? 0.5 : 1)));
  }
  return [...best].map(([found, score]) => ({ text: found, score })).sort((a, b) => b.score - a.score);
}

const looksLikeVerb = (word: string, afterSingular: boolean): boolean =>
  /(?:ed|ing|ly|['’]s)$/.test(word) ||
  /\d/.test(word) ||
  VERBS.has(stem(word)) ||
  VERBS.has(word.toLowerCase()) ||
  (afterSingular && /[^s]s$/.test(word));

const startsSentence = (text: string, at: number): boolean =>
  /(?:^|[.!?:…]\s+|[\n“"'‘(])$/.test(text.slice(Math.max(0, at - 3), at));

/** Lowers a sentence's capital letter, but not that of an abbreviation. */
function lowerFirst(phrase: string): string {
  const first = phrase.split(' ', 1)[0] as string;
  return first.length > 1 && first === first.toUpperCase() ? phrase : phrase.charAt(0).toLowerCase() + phrase.slice(1);
}
