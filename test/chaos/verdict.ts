/** What may be wrong at the end. `other`: something did not end, was not told the truth, or fell over. */
export const WRONGS = ['lost', 'doubled', 'out of order', 'holes', 'other'] as const;
export type Wrong = (typeof WRONGS)[number];

/** Something that must not be, and how often it was found. */
export type Fault = { readonly wrong: Wrong; readonly what: string; readonly count: number };

export const fault = (wrong: Wrong, what: string, count = 1): Fault => ({ wrong, what, count });

/** The same faults, with whose they are in front. */
export const of = (whose: string, faults: readonly Fault[]): Fault[] =>
  faults.map(({ wrong, what, count }) => fault(wrong, `${whose}: ${what}`, count));

export type Counts = Readonly<Record<Wrong, number>>;

export function counted(faults: readonly Fault[]): Counts {
  const counts = Object.fromEntries(WRONGS.map((wrong) => [wrong, 0])) as Record<Wrong, number>;
  for (const { wrong, count } of faults) counts[wrong] += count;
  return counts;
}

type Compared = {
  readonly what: string;
  /** What it means that something which was due did not come. Default: lost. */
  readonly missing?: Wrong;
};

/** Whether what came is what was due: each once, nothing else, in this order. */
export function compare(
  due: readonly string[],
  came: readonly string[],
  { what, missing = 'lost' }: Compared,
): Fault[] {
  const place = new Map(due.map((one, index) => [one, index]));
  const seen = new Set<string>();
  const doubled: string[] = [];
  const foreign: string[] = [];
  const late: string[] = [];
  let last = -1;
  for (const one of came) {
    const at = place.get(one);
    if (seen.has(one)) doubled.push(one);
    else if (at === undefined) foreign.push(one);
    else if (at < last) late.push(one);
    else last = at;
    seen.add(one);
  }
  const gone = due.filter((one) => !seen.has(one));
  const tell = (wrong: Wrong, found: readonly string[], words: string) =>
    found.length === 0 ? [] : [fault(wrong, `${what}: ${found.length} ${words}, first ${found[0]}`, found.length)];
  return [
    ...tell(missing, gone, `of ${due.length} did not come`),
    ...tell('doubled', doubled, 'came again'),
    ...tell('out of order', late, 'came late'),
    ...tell('other', foreign, 'are nowhere else'),
  ];
}
