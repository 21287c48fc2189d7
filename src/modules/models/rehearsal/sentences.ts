import type { Grounding } from '../contract.ts';
import { contentWords } from './words.ts';

/** A sentence of a document, with white space collapsed; otherwise word for word. */
export type Sentence = {
  readonly text: string;
  readonly document: Grounding;
  readonly words: readonly string[];
};

const MAX_TOTAL_CHARS = 128 * 1024;
const MIN_CHARS = 30;
const MAX_CHARS = 260;
const MIN_WORDS = 4;

// A full stop after one of these, or after a single letter, does not end a sentence.
const ABBREVIATION = /(?:^|[\s(])(?:[A-Z]|e\.g|i\.e|etc|vs|cf|al|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|Inc|Ltd|approx)\.$/;
/** More than the longest of them, so that a sentence is not looked through again for each stop in it. */
const ABBREVIATION_CHARS = 12;
const BREAK = /([.!?…]["'”’)\]]*)\s+(?=["'“‘(]?[\p{Lu}\p{N}])/gu;
const BLOCK_START = /^\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+|#{1,6}\s|\||>|```|---)/;
const NOT_PROSE = /^\s*(?:#{1,6}\s|\||```|---)/;

/**
 * The quotable sentences of the documents: prose and list items between 30 and 260 characters, headings, tables and
 * code left out. Reads at most 128 Ki characters, shared evenly, so that a large document cannot hold up a turn.
 */
export function sentencesOf(documents: readonly Grounding[]): Sentence[] {
  const share = Math.floor(MAX_TOTAL_CHARS / Math.max(1, documents.length));
  return documents.flatMap((document) =>
    blocksOf(document.text.slice(0, share))
      .flatMap(splitSentences)
      .filter((text) => text.length >= MIN_CHARS && text.length <= MAX_CHARS)
      .map((text) => ({ text, document, words: contentWords(text) }))
      .filter(({ words }) => words.length >= MIN_WORDS),
  );
}

/** Paragraphs and list items, each on one line. */
function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let current: string[] = [];
  let inCode = false;
  const flush = () => {
    if (current.length > 0) blocks.push(current.join(' ').replace(/\s+/g, ' ').trim());
    current = [];
  };
  for (const line of text.split(/\r?\n/)) {
    if (line.trimStart().startsWith('```')) inCode = !inCode;
    if (inCode || line.trim() === '' || NOT_PROSE.test(line)) {
      flush();
      continue;
    }
    if (BLOCK_START.test(line)) flush();
    current.push(line.replace(/^\s*(?:[-*+•>]\s+|\d{1,3}[.)]\s+)/, ''));
  }
  flush();
  return blocks;
}

/** Splits one line of prose where a sentence ends and another begins. */
export function splitSentences(block: string): string[] {
  const sentences: string[] = [];
  let start = 0;
  for (const match of block.matchAll(BREAK)) {
    const end = match.index + (match[1] as string).length;
    const candidate = block.slice(start, end);
    if (ABBREVIATION.test(candidate.slice(-ABBREVIATION_CHARS))) continue;
    sentences.push(candidate.trim());
    start = end;
  }
  const rest = block.slice(start).trim();
  if (rest !== '') sentences.push(rest);
  return sentences;
}
