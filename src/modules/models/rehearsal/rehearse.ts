import type { Citation, FinishReason, GenerateRequest } from '../contract.ts';
import { proposeSpeaker } from './moderate.ts';
import { speak } from './speak.ts';
import { summarise } from './summarise.ts';

/** A rehearsed answer: no language model, but sentences put together by rule. */
export type Rehearsed = {
  /** One to three words each; together they are the text. */
  readonly pieces: readonly string[];
  readonly finishReason: FinishReason;
  readonly citations: readonly Citation[];
};

/** Pure: equal requests (seed included) give equal answers. */
export function rehearse(
  request: Pick<GenerateRequest, 'messages' | 'documents' | 'parameters' | 'purpose'>,
): Rehearsed {
  const { text, citations } = answer(request);
  const { kept, finishReason } = cut(text, request.parameters ?? {});
  return {
    pieces: piecesOf(kept),
    finishReason,
    citations: citations.filter((_, index) => kept.includes(`[${index + 1}]`)),
  };
}

function answer(request: Pick<GenerateRequest, 'messages' | 'documents' | 'parameters' | 'purpose'>): {
  text: string;
  citations: readonly Citation[];
} {
  const seed = request.parameters?.seed ?? 0;
  const { kind, hint } = request.purpose;
  const proposal = kind === 'moderator' ? proposeSpeaker(request.messages, { seed, hint }) : undefined;
  if (proposal !== undefined) return { text: proposal, citations: [] };
  if (request.purpose.kind === 'summary') return { text: summarise(request.messages), citations: [] };
  return speak({ messages: request.messages, documents: request.documents ?? [], seed, hint });
}

/** Ends at a stop text or, at four bytes a token, at the token limit; whichever comes first. */
function cut(
  text: string,
  { stop, maxTokens }: { stop?: readonly string[]; maxTokens?: number },
): { kept: string; finishReason: FinishReason } {
  const stops = (stop ?? []).map((word) => text.indexOf(word)).filter((at) => at >= 0);
  const stopped = text.slice(0, Math.min(text.length, ...stops));
  const limited = maxTokens === undefined ? stopped : truncateBytes(stopped, maxTokens * 4);
  return { kept: limited, finishReason: limited.length < stopped.length ? 'length' : 'stop' };
}

/** The longest beginning within `maxBytes` of UTF-8. */
function truncateBytes(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Cuts a text into pieces of one to three words, white space kept in front of each. */
export function piecesOf(text: string): string[] {
  const words = text.match(/\s*\S+|\s+$/g) ?? [];
  const pieces: string[] = [];
  for (let at = 0; at < words.length; ) {
    const size = 1 + ((words[at] as string).length % 3);
    pieces.push(words.slice(at, at + size).join(''));
    at += size;
  }
  return pieces;
}
