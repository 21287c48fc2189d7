/** Something one can go to or do by typing a part of its name. */
export type Command = { id: string; label: string; detail?: string; keywords?: string; to: string };

/** How well a command fits what was typed: the lower, the better; undefined: not at all. */
export function fit({ label, keywords = '' }: Command, typed: string): number | undefined {
  const wanted = typed.trim().toLowerCase();
  if (wanted === '') return 0;
  const name = label.toLowerCase();
  if (name.startsWith(wanted)) return 1;
  if (name.split(/[\s-]+/).some((word) => word.startsWith(wanted))) return 2;
  if (name.includes(wanted)) return 3;
  const rest = `${name} ${keywords}`.toLowerCase();
  return wanted.split(/\s+/).every((word) => rest.includes(word)) ? 4 : undefined;
}

/** The best first; of equals, in the order given. */
export function found(commands: readonly Command[], typed: string, most: number): Command[] {
  return commands
    .flatMap((command) => {
      const score = fit(command, typed);
      return score === undefined ? [] : [{ command, score }];
    })
    .sort((a, b) => a.score - b.score)
    .slice(0, most)
    .map(({ command }) => command);
}
