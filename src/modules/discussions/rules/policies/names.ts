import type { Participant } from '../fold.ts';
import type { Answer, Refusal } from '../policy.ts';

/** An answer that is longer than this is no name, whatever it begins with. */
const MAX_ANSWER = 400;

/** For comparing: one form of each letter, one space, no case. */
export const folded = (text: string): string => text.normalize('NFC').replace(/\s+/gu, ' ').toLowerCase();

/**
 * Whom an answer names: exactly one participant's name and nothing else, plain or as `{"next": "name"}`. Anything else
 * (a name that does not exist, prose, instructions, several names) is refused.
 */
export function readAnswer(answer: Answer, participants: readonly Participant[]): Participant | Refusal {
  if ('failed' in answer) return 'failed';
  const trimmed = answer.text.trim();
  if (trimmed.length > MAX_ANSWER) return 'names_nobody';
  const wanted = bare(fromJson(trimmed) ?? trimmed);
  const exact = participants.find((p) => bare(p.name) === wanted);
  if (exact) return exact;
  const parts = wanted.split(/\s*(?:,|;|\n|\band\b|\bor\b|&)\s*/).map(bare);
  const several = parts.length > 1 && parts.every((part) => participants.some((p) => bare(p.name) === part));
  return several ? 'names_several' : 'names_nobody';
}

/** Without the quotes, marks and full stops that models like to put around a name. */
export function bare(name: string): string {
  return folded(name.trim().replace(/^[\s"'`*_@<([{]+|[\s"'`*_.,:;!>)\]}]+$/g, ''));
}

function fromJson(text: string): string | undefined {
  const body = /^```(?:json)?\s*(\{[^{}]*\})\s*```$/.exec(text)?.[1] ?? text;
  if (!body.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(body);
    const next = typeof value === 'object' && value !== null && 'next' in value ? value.next : undefined;
    return typeof next === 'string' ? next : undefined;
  } catch {
    return undefined;
  }
}

/** What may stand right before an `@name`, and right behind it: no part of a longer word, address or name. */
const INSIDE_BEFORE = /[\p{L}\p{M}\p{N}_.+-]$/u;
const INSIDE_AFTER = /^(?:[\p{L}\p{M}\p{N}_]|-[\p{L}\p{N}])/u;

/** So many `@` of a text are looked at: a name in the millionth calls nobody. */
const MAX_SIGNS = 2_000;

/** The participants whom a text calls by `@name`, each once, the first called first; never `self`. The longest name wins. */
export function calledIn(text: string, participants: readonly Participant[], self: string | null): string[] {
  const heard = folded(text);
  const names = participants
    .map(({ id, name }) => ({ id, name: folded(name) }))
    .sort((a, b) => b.name.length - a.name.length);
  const called = new Set<string>();
  let signs = 0;
  for (let at = heard.indexOf('@'); at >= 0 && signs++ < MAX_SIGNS; at = heard.indexOf('@', at + 1)) {
    if (INSIDE_BEFORE.test(heard.slice(Math.max(0, at - 2), at))) continue;
    const found = names.find(
      ({ name }) => heard.startsWith(name, at + 1) && !INSIDE_AFTER.test(heard.slice(at + 1 + name.length).slice(0, 4)),
    );
    if (found && found.id !== self) called.add(found.id);
  }
  return [...called];
}
