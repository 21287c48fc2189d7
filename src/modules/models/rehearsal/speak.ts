import type { ChatMessage, Citation, Grounding, Hint } from '../contract.ts';
import {
  ANSWER,
  EVIDENCE,
  FIRST,
  FOR_SIDE,
  HAND_OVER,
  JUDGE,
  RECAP,
  SECOND_EVIDENCE,
  type Stance,
  VOICES,
} from './phrases.ts';
import { hashText, pick, type Random, seededRandom } from './random.ts';
import { type Sentence, sentencesOf } from './sentences.ts';
import { contentWords, keyPhrases, rarity } from './words.ts';

export type Scene = {
  readonly messages: readonly ChatMessage[];
  readonly documents: readonly Grounding[];
  readonly seed: number;
  readonly hint?: Hint | undefined;
};

export type Speech = { readonly text: string; readonly citations: readonly Citation[] };

/**
 * What a rehearsing participant says: it takes up what was said last, quotes sentences of the documents that nobody
 * quoted yet, reads them in the manner of its instructions, and hands on. Pure: the same scene gives the same speech.
 */
export function speak(scene: Scene): Speech {
  const talk = understand(scene);
  const quotes = chooseSentences(talk, talk.random() < 0.4 ? 2 : 1);
  const voice = VOICES[talk.stance];
  const lead = talk.phraseOf(talk.last?.content ?? talk.topic);
  const name = capital(talk.last?.name ?? 'you');
  const parts: string[] = [opening(talk, { name, phrase: lead })];
  quotes.forEach((sentence, index) => {
    const templates = index === 0 ? EVIDENCE : SECOND_EVIDENCE;
    const quote = `“${sentence.text.replace(/[“”]/g, '"')}” [${index + 1}]`;
    parts.push(say(talk, templates, { title: sentence.document.title, quote, phrase: lead }));
  });
  const source = quotes.at(-1)?.text ?? talk.sentences.map(({ text }) => text).join(' ');
  const about = source === '' ? lead : talk.phraseOf(source);
  if (quotes.length === 0) parts.push(say(talk, RECAP, { phrase: about }));
  parts.push(say(talk, voice.read, { phrase: about }));
  const { text: ending, verdict } = close(talk, { phrase: about, hint: scene.hint });
  parts.push(ending);
  return {
    text: `${parts.join(' ')}${verdict === undefined ? '' : `\n\nVerdict: ${verdict}`}`,
    citations: quotes.map(({ document, text }) => ({
      ...(document.id === undefined ? {} : { documentId: document.id }),
      title: document.title,
      quote: text,
    })),
  };
}

/** How often one who may call somebody does. */
const CALLING = 0.65;

/** The last sentence: a judge's before the verdict, a word for one's side, a call, or a question in one's own manner. */
function close(
  talk: Talk,
  { phrase, hint = {} }: { phrase: string; hint?: Hint | undefined },
): { text: string; verdict?: string } {
  const { calls = [], side, verdict = [] } = hint;
  if (verdict.length > 0) return { text: say(talk, JUDGE, { phrase }), verdict: judged(talk, verdict) };
  if (side !== undefined) return { text: say(talk, FOR_SIDE, { side, phrase }) };
  if (calls.length > 0 && talk.random() < CALLING) {
    // Whoever has not spoken yet goes first.
    const silent = calls.filter((name) => !talk.spoken.has(name));
    return { text: say(talk, HAND_OVER, { other: pick(talk.random, silent.length > 0 ? silent : calls), phrase }) };
  }
  const { others } = talk;
  const closings = VOICES[talk.stance].close.filter((line) => others.length > 0 || !line.includes('{other}'));
  return { text: say(talk, closings, { other: others.length > 0 ? capital(pick(talk.random, others)) : '' }) };
}

/** The side that was spoken up for most; of equals, one by chance. */
function judged(talk: Talk, sides: readonly string[]): string {
  const counts = sides.map((side) => talk.said.split(fold(side)).length);
  const most = Math.max(...counts);
  return pick(
    talk.random,
    sides.filter((_, at) => counts[at] === most),
  );
}

/** So much of a message is read, and so much of a conversation: a long one must not hold up everybody else's. */
const MESSAGE_CHARS = 2_000;
const CONVERSATION_CHARS = 64 * 1024;

/** What can be known of the conversation before speaking. */
type Talk = {
  readonly random: Random;
  readonly stance: Stance;
  readonly topic: string;
  /** The last thing that somebody else said. */
  readonly last: ChatMessage | undefined;
  /** Whether anybody has spoken after the topic was given. */
  readonly begun: boolean;
  /** Names of the others who have spoken, the most recent first, without the last speaker where there are more. */
  readonly others: readonly string[];
  /** Names of everybody who has spoken. */
  readonly spoken: ReadonlySet<string>;
  /** Everything said so far, folded for comparison. */
  readonly said: string;
  readonly sentences: readonly Sentence[];
  readonly weight: (word: string) => number;
  readonly phraseOf: (text: string) => string;
};

function understand({ messages, documents, seed, hint }: Scene): Talk {
  const short = messages.map((message) => ({ ...message, content: clip(message.content) }));
  const spoken = short.filter(({ role }) => role !== 'system');
  const instructions = short
    .filter(({ role }) => role === 'system')
    .map(({ content }) => content.slice(0, 600))
    .join('\n');
  const heard = spoken.filter(({ role }) => role === 'user');
  // "Please go on." says nothing to take up.
  const last =
    heard.findLast(({ name, content }) => name !== undefined || contentWords(content).length > 0) ?? heard.at(-1);
  const topic = topicOf(heard[0]?.content ?? instructions);
  const sentences = sentencesOf(documents);
  const rare = rarity(sentences.length > 0 ? sentences.map(({ words }) => words) : [contentWords(topic)]);
  const interest = new Map<string, number>();
  const care = (text: string, weight: number) => {
    for (const word of contentWords(text)) interest.set(word, Math.max(interest.get(word) ?? 0, weight));
  };
  for (const { content } of spoken.slice(-6, -1)) care(content, 0.4);
  care(instructions, 0.6);
  care(topic, 1.2);
  if (last !== undefined) care(last.content, last.content.trimEnd().endsWith('?') ? 2 : 1);
  const weight = (word: string) => rare(word) * (0.15 + (interest.get(word) ?? 0));
  const said = fold(
    messages
      .filter(({ role }) => role !== 'system')
      .map(({ content }) => content.slice(-CONVERSATION_CHARS))
      .join('\n')
      .slice(-CONVERSATION_CHARS),
  );
  const names = [...new Set(heard.map(({ name }) => name).filter((name) => name !== undefined))].reverse();
  return {
    random: seededRandom(hashText(JSON.stringify([seed, short, documents.map(({ title }) => title)]))),
    stance: (hint?.side !== undefined ? stanceFor(hint.side) : undefined) ?? stanceOf(instructions),
    topic,
    last,
    begun: last?.name !== undefined || spoken.some(({ role }) => role === 'assistant'),
    spoken: new Set(names),
    others: names.length > 1 ? names.filter((name) => name !== last?.name) : names,
    said,
    sentences,
    weight,
    phraseOf: (text) => `‘${phraseFrom(text, { weight, said }) ?? phraseFrom(topic, { weight, said }) ?? 'this'}’`,
  };
}

/** The beginning and the end of what was said, where it is long. */
const clip = (text: string): string =>
  text.length <= MESSAGE_CHARS ? text : `${text.slice(0, MESSAGE_CHARS / 2)}\n${text.slice(-MESSAGE_CHARS / 2)}`;

/** The topic's own words: the first line that says something, without a label in front. */
function topicOf(text: string): string {
  const line = text.split('\n').find((candidate) => contentWords(candidate).length > 0) ?? text;
  return line.replace(/^\s*(?:the\s+)?(?:topic|question|subject)\s*(?:is)?\s*:\s*/i, '').slice(0, 300);
}

/**
 * What a text is about: the phrase that its rehearsing speaker named last, else its best phrase that was not named in
 * this conversation yet. Quotations are left out, since they belong to the document.
 */
function phraseFrom(text: string, talk: { weight: (word: string) => number; said: string }): string | undefined {
  const named = [...text.matchAll(/‘([^‘’]{3,60})’/g)].at(-1)?.[1];
  if (named !== undefined) return named;
  const phrases = keyPhrases(text.replace(/“[^”]*”(?:\s*\[\d+\])?/g, ' '), talk.weight);
  return (phrases.find((phrase) => !talk.said.includes(`‘${fold(phrase.text)}’`)) ?? phrases[0])?.text;
}

/** The stance that the name of a side asks for, if it says so. */
function stanceFor(side: string): Stance | undefined {
  if (/\b(?:against|contra?|no|nay|opposition|opponents?|oppose\w*)\b/i.test(side)) return 'skeptic';
  return /\b(?:for|pro|yes|aye|in favou?r|proposition|support\w*)\b/i.test(side) ? 'advocate' : undefined;
}

/** The stance whose signs the instructions show most; without any, one that depends on the instructions. */
export function stanceOf(instructions: string): Stance {
  const stances = Object.keys(VOICES) as Stance[];
  let best: { stance: Stance; count: number } | undefined;
  for (const stance of stances) {
    const count = instructions.match(VOICES[stance].signs)?.length ?? 0;
    if (count > (best?.count ?? 0)) best = { stance, count };
  }
  return best?.stance ?? (stances[hashText(instructions) % stances.length] as Stance);
}

/** The most telling sentences that nobody has said yet, at most one of nearly equal content. */
function chooseSentences(talk: Talk, count: number): Sentence[] {
  const ranked = talk.sentences
    .map((sentence) => ({
      sentence,
      score:
        ([...new Set(sentence.words)].reduce((sum, word) => sum + talk.weight(word), 0) /
          Math.sqrt(6 + sentence.words.length)) *
        (0.9 + 0.2 * talk.random()),
    }))
    .sort((a, b) => b.score - a.score);
  const chosen: Sentence[] = [];
  for (const { sentence } of ranked) {
    if (chosen.length === count) break;
    // Looked for only here, from the best on: a document has thousands of sentences.
    if (talk.said.includes(fold(sentence.text))) continue;
    if (chosen.every((other) => overlap(other.words, sentence.words) < 0.5)) chosen.push(sentence);
  }
  return chosen;
}

function overlap(a: readonly string[], b: readonly string[]): number {
  const inB = new Set(b);
  return a.filter((word) => inB.has(word)).length / Math.max(1, Math.min(a.length, b.length));
}

function opening(talk: Talk, slots: { name: string; phrase: string }): string {
  const anonymous = ANSWER.filter((line) => !line.includes('{name}'));
  if (talk.last === undefined || !talk.begun) return say(talk, FIRST, slots);
  if (talk.last.name === undefined) return say(talk, [...anonymous, ...FIRST], slots);
  if (talk.last.content.trimEnd().endsWith('?')) return say(talk, ANSWER, slots);
  return say(talk, VOICES[talk.stance].react, slots);
}

/** Fills one of the templates: any that was not used in this conversation yet, then the least recently used. */
function say(talk: Talk, templates: readonly string[], slots: Readonly<Record<string, string>>): string {
  const lastUse = (template: string) => Math.max(...fixedParts(template).map((part) => talk.said.lastIndexOf(part)));
  const uses = templates.map((template) => ({ template, at: lastUse(template) }));
  const fresh = uses.filter(({ at }) => at < 0);
  const oldest = Math.min(...uses.map(({ at }) => at));
  const { template } = pick(talk.random, fresh.length > 0 ? fresh : uses.filter(({ at }) => at === oldest));
  const filled = template.replace(/\{(\w+)\}/g, (_, slot: string) => slots[slot] ?? '');
  return capital(filled);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The longest piece of a template between its slots, which tells it from the others. */
function fixedParts(template: string): string[] {
  const pieces = template.split(/\{\w+\}/).map(fold);
  return [pieces.reduce((longest, piece) => (piece.length > longest.length ? piece : longest), '')];
}

/** For comparing: quotation marks, case and white space do not matter. */
export const fold = (text: string): string => text.toLowerCase().replace(/["“”]/g, '"').replace(/\s+/g, ' ').trim();
