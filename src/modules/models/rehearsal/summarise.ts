import type { ChatMessage } from '../contract.ts';
import { sentencesOf } from './sentences.ts';

/** Lines of a rehearsed summary. What is older is left out, and the first line says how much that is. */
const MAX_LINES = 24;
const LINE_CHARS = 200;
const SUMMARY = /<summary>\n([\s\S]*)\n<\/summary>/;
const LEFT_OUT = /^\((\d+) earlier contributions? left out\)$/;

/**
 * The summary so far (between its tags, in a message of nobody), and one sentence of each that spoke since: its most
 * telling one, word for word. Pure.
 */
export function summarise(messages: readonly ChatMessage[]): string {
  const before = messages.find(
    ({ name, role, content }) => name === undefined && role === 'user' && SUMMARY.test(content),
  );
  const old = (before === undefined ? [] : (SUMMARY.exec(before.content)?.[1] ?? '').split('\n')).filter(Boolean);
  const leftOut = Number(LEFT_OUT.exec(old[0] ?? '')?.[1] ?? 0);
  const spoken = messages.flatMap(({ name, content }) => (name === undefined ? [] : [`${name}: ${gist(content)}`]));
  const lines = [...(leftOut > 0 ? old.slice(1) : old), ...spoken];
  const dropped = leftOut + Math.max(0, lines.length - MAX_LINES);
  const head = dropped > 0 ? [`(${dropped} earlier contribution${dropped === 1 ? '' : 's'} left out)`] : [];
  return [...head, ...lines.slice(-MAX_LINES)].join('\n') || 'Nothing was said.';
}

/** The sentence with most words of its own; of a text without sentences, its beginning. */
function gist(text: string): string {
  const sentences = sentencesOf([{ title: '', text }]);
  const best = sentences.reduce<(typeof sentences)[number] | undefined>(
    (most, one) => (most === undefined || new Set(one.words).size > new Set(most.words).size ? one : most),
    undefined,
  );
  const line = (best?.text ?? text).replace(/\s+/g, ' ').trim();
  return line.length <= LINE_CHARS ? line : `${line.slice(0, LINE_CHARS - 1).toWellFormed()}…`;
}
