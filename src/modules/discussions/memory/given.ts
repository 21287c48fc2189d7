import { createHash } from 'node:crypto';
import type { Agent } from '../../agents/index.ts';
import type { ChatMessage } from '../../models/index.ts';
import { PART, type Piece, type Said, spoken } from '../rules/prompt.ts';
import type { TurnContext } from './schemas.ts';
import { MAX_SAID_CHARS } from './window.ts';

/** Which attempt of whom, and how it was asked. */
export type Asking = {
  readonly attempt: number;
  readonly participant_id: string;
  readonly model: string | null;
  readonly parameters: Agent['parameters'];
};

/** A prompt with everything that the account of it says. */
export type Prompt = {
  readonly pieces: readonly Piece[];
  readonly brief: string | null;
  readonly memory: TurnContext['memory'];
  readonly documents: TurnContext['documents'];
};

type Passage = TurnContext['memory']['retrieved'][number];
type Hashed<T> = Omit<T, 'text'> & { readonly text: string };

/**
 * What was given for a turn, as it is kept: places in the log, which never changes, and hashes of texts, which are kept
 * once per discussion. `sent` is the prompt in its order.
 */
export type Given = Asking & {
  readonly sent: readonly (
    | { readonly role: 'system' | 'user'; readonly texts: readonly string[] }
    | { readonly from: number; readonly to: number; readonly clip: number | null }
  )[];
  readonly brief: string | null;
  readonly window: TurnContext['memory']['window'];
  readonly summary: { readonly up_to_seq: number; readonly text: string } | null;
  readonly retrieved: readonly Hashed<Passage>[];
  /** The list as JSON is a text too: it is the same in every turn. */
  readonly documents: string;
  readonly tokens: number;
};

/** The account of a turn and the texts that it names. */
export type Kept = { readonly given: Given; readonly texts: ReadonlyMap<string, string> };

export const hashOf = (text: string): string =>
  createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');

/** The messages to send. */
export const messagesOf = (pieces: readonly Piece[], speakerId: string): ChatMessage[] =>
  sentOf(pieces, speakerId).map(({ seq: _, ...message }) => message);

/** The same with their places in the log. */
function sentOf(pieces: readonly Piece[], speakerId: string): TurnContext['messages'] {
  return pieces.flatMap((piece): TurnContext['messages'] =>
    'said' in piece
      ? piece.said.map((said) => ({ ...spoken(said, { speakerId, clip: piece.clip }), seq: said.seq }))
      : [{ role: piece.role, content: piece.parts.join(PART), seq: null }],
  );
}

/** Makes the account of a prompt. */
export function keep(prompt: Prompt, asking: Asking, tokens: number): Kept {
  const texts = new Map<string, string>();
  const hashed = (text: string) => {
    const hash = hashOf(text);
    texts.set(hash, text);
    return hash;
  };
  const { summary, window, retrieved } = prompt.memory;
  const given: Given = {
    ...asking,
    sent: prompt.pieces.flatMap((piece): Given['sent'] => {
      if (!('said' in piece)) return [{ role: piece.role, texts: piece.parts.map(hashed) }];
      const [first, last] = [piece.said[0], piece.said.at(-1)];
      return first && last ? [{ from: first.seq, to: last.seq, clip: piece.clip }] : [];
    }),
    brief: prompt.brief === null ? null : hashed(prompt.brief),
    window,
    summary: summary && { ...summary, text: hashed(summary.text) },
    retrieved: retrieved.map((passage) => ({ ...passage, text: hashed(passage.text) })),
    documents: hashed(JSON.stringify(prompt.documents)),
    tokens,
  };
  return { given, texts };
}

/** Every hash that an account names. */
export function hashesOf(given: Given): string[] {
  const sent = given.sent.flatMap((piece) => ('texts' in piece ? piece.texts : []));
  const named = [given.brief, given.summary?.text, given.documents, ...given.retrieved.map(({ text }) => text)];
  return [...new Set([...sent, ...named.filter((hash) => typeof hash === 'string')])];
}

/** The messages of the log that an account names, and how much of each; from 1 to 0 when there are none. */
export function rangeOf(given: Given): { from: number; to: number; chars: number } {
  const ranges = given.sent.flatMap((piece) => ('from' in piece ? [piece] : []));
  const chars = Math.max(0, ...ranges.map(({ clip }) => clip ?? MAX_SAID_CHARS));
  return { from: ranges[0]?.from ?? 1, to: ranges.at(-1)?.to ?? 0, chars };
}

/** The whole account again, as it was sent. */
export function contextOf(
  turn: number,
  { given, texts, said }: Kept & { readonly said: readonly Said[] },
): TurnContext {
  const text = (hash: string) => texts.get(hash) ?? '';
  const pieces = given.sent.map(
    (piece): Piece =>
      'texts' in piece
        ? { role: piece.role, parts: piece.texts.map(text) }
        : { said: said.filter(({ seq }) => seq >= piece.from && seq <= piece.to), clip: piece.clip },
  );
  return {
    turn,
    attempt: given.attempt,
    participant_id: given.participant_id,
    model: given.model,
    parameters: given.parameters,
    brief: given.brief === null ? null : text(given.brief),
    messages: sentOf(pieces, given.participant_id),
    memory: {
      window: given.window,
      summary: given.summary && { ...given.summary, text: text(given.summary.text) },
      retrieved: given.retrieved.map((passage) => ({ ...passage, text: text(passage.text) })),
    },
    documents: JSON.parse(text(given.documents) || '[]') as TurnContext['documents'],
    estimated_tokens: given.tokens,
  };
}
