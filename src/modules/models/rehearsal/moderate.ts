import type { ChatMessage, Hint } from '../contract.ts';
import { hashText } from './random.ts';

/**
 * Answers a moderator's or a voter's prompt: which participant should speak next, in the form asked for. The
 * participants are the hint's `choices`, or else the list (`- name`) that the prompt gives them in, or a JSON array of names in it.
 * Undefined when there is none. Who was addressed by the last speech goes first, then who has been silent longest.
 */
export function proposeSpeaker(
  messages: readonly ChatMessage[],
  { seed, hint = {} }: { readonly seed: number; readonly hint?: Hint | undefined },
): string | undefined {
  const { choices = [], vote = false } = hint;
  const prompt = messages
    .filter(({ role, name }) => role !== 'assistant' && name === undefined)
    .map(({ content }) => content)
    .join('\n');
  const names = choices.length > 0 ? [...choices] : candidates(prompt);
  if (names.length === 0) return undefined;
  const spoken = transcript(messages, [...names, ...messages.flatMap(({ name }) => name ?? [])]);
  const last = spoken.at(-1);
  const free = names.filter((name) => name !== last?.name);
  const eligible = free.length > 0 ? free : names;
  const addressed = eligible.find((name) => last !== undefined && addresses(last.text, name));
  const silence = (name: string) => spoken.findLastIndex((speech) => speech.name === name);
  const own = vote ? `${seed}${messages[0]?.content ?? ''}` : `${seed}`;
  const ranked = [...eligible].sort((a, b) => silence(a) - silence(b) || hashText(own + a) - hashText(own + b));
  // Voters have minds of their own, as far as they are told apart: one may prefer the second.
  const quietest = ranked[vote ? hashText(own) % Math.min(2, ranked.length) : 0] as string;
  const next = addressed ?? quietest;
  const reason =
    addressed !== undefined
      ? `${last?.name} turned to ${addressed}.`
      : silence(quietest) < 0
        ? `${quietest} has not spoken yet.`
        : `${quietest} has been silent longest.`;
  if (choices.length > 0 || !/\bjson\b|\{\s*"/i.test(prompt)) return next;
  const key = /"(next_speaker|speaker|next|name|participant)"\s*:/.exec(prompt)?.[1] ?? 'next_speaker';
  return JSON.stringify({ [key]: next, reason });
}

const ITEM = /^\s*[-*]\s+["'`]?([\p{L}\p{N}](?:[\p{L}\p{N}_. -]{0,62}[\p{L}\p{N}_.])?)["'`]?\s*(?:$|[:(—–]|\s-\s)/u;

function candidates(prompt: string): string[] {
  const lists: { asked: boolean; names: string[] }[] = [];
  let previous = '';
  let open = false;
  for (const line of prompt.split('\n')) {
    if (line.trim() === '') continue;
    const name = ITEM.exec(line)?.[1];
    if (name === undefined) {
      open = false;
      previous = line;
    } else {
      // Instructions may hold lists of their own: the one that is introduced as such counts, else the last.
      if (!open) lists.push({ asked: /participant|speak|candidate/i.test(previous), names: [] });
      open = true;
      lists.at(-1)?.names.push(name);
    }
  }
  const list = lists.findLast(({ asked }) => asked) ?? lists.at(-1);
  if (list !== undefined) return [...new Set(list.names)];
  const array = /\[\s*(?:"[^"\n]{1,64}"\s*,?\s*)+\]/.exec(prompt)?.[0];
  if (array === undefined) return [];
  try {
    return [...new Set(JSON.parse(array) as string[])];
  } catch {
    return [];
  }
}

/** Who said what: from names on messages, or from lines that begin with `name:`. */
function transcript(messages: readonly ChatMessage[], names: readonly string[]): { name: string; text: string }[] {
  const speeches: { name: string; text: string }[] = [];
  for (const { name, content, role } of messages) {
    if (name !== undefined && names.includes(name)) speeches.push({ name, text: content });
    else if (role === 'user') {
      for (const line of content.split('\n')) {
        const speaker = names.find((candidate) => line.startsWith(`${candidate}:`));
        if (speaker !== undefined) speeches.push({ name: speaker, text: line.slice(speaker.length + 1) });
        else if (speeches.length > 0) (speeches.at(-1) as { text: string }).text += `\n${line}`;
      }
    }
  }
  return speeches;
}

/** Whether the end of a speech turns to somebody by name. */
function addresses(text: string, name: string): boolean {
  const ending = text.slice(-200).toLowerCase();
  const at = ending.lastIndexOf(name.toLowerCase());
  return at >= 0 && ending.slice(at).includes('?');
}
