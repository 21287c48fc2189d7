/**
 * One message of a conversation. `name` says who spoke where several share a role; for providers whose wire has no
 * names, a user's or system's message is sent as `name: content`.
 */
export type ChatMessage = {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
  readonly name?: string;
};

export type Parameters = {
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
};

/** What a rehearsal may quote. Other models are told of documents in their messages. */
export type Grounding = { readonly id?: string; readonly title: string; readonly text: string };

/** What the generation is for: kept with its record, and a hint to the rehearsal. */
export type Purpose = {
  readonly kind: 'chat' | 'agent' | 'turn' | 'moderator' | 'summary';
  readonly agentId?: string;
  readonly discussionId?: string;
  readonly turn?: number;
  readonly hint?: Hint;
};

/** What the messages ask for, for the rehearsal: it understands no sentence. Language models are told in words. */
export type Hint = {
  /** Moderators and voters: the names of which one is to be answered. */
  readonly choices?: readonly string[];
  /** It is a ballot, one of several. */
  readonly vote?: boolean;
  /** Names that a speech may call with an `@` in front. */
  readonly calls?: readonly string[];
  /** The side of a debate to argue for. */
  readonly side?: string;
  /** A judge's: the sides between which to decide in the last line. */
  readonly verdict?: readonly string[];
};

export type GenerateRequest = {
  /** `provider/model`, `local/…`, `rehearsal`; undefined takes the tenant's default. */
  readonly model: string | undefined;
  /**
   * Asked in this order when the model before cannot be had (unavailable, slowing down, silent, refusing its key, not
   * there) and has not said a word.
   */
  readonly fallbacks?: readonly string[];
  readonly messages: readonly ChatMessage[];
  readonly parameters?: Parameters;
  readonly documents?: readonly Grounding[];
  readonly purpose: Purpose;
  /** For all tries together. Default 120,000. */
  readonly timeoutMs?: number;
  /** UTF-16 units after which the answer is ended (`length`), whatever the provider makes of `maxTokens`. Default a million. */
  readonly maxChars?: number;
};

export type Citation = { readonly documentId?: string; readonly title: string; readonly quote: string };

export type FinishReason = 'stop' | 'length' | 'content_filter' | 'other';

export type Usage = {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The provider told no counts: these are four bytes a token. */
  readonly estimated: boolean;
};

/** A model that could not be had, and what it cost all the same. */
export type InVain = {
  readonly model: string;
  /** An error code (`model_…`). */
  readonly code: string;
  /** Of its record; absent where nobody was asked: it is unknown here, or has just failed elsewhere. */
  readonly id?: string;
  readonly usage?: Usage;
  readonly costNanoUsd?: number | null;
};

export type GenerateResult = {
  readonly text: string;
  /** The id it can be asked for by, e.g. `openai/gpt-5`. */
  readonly model: string;
  readonly provider: string;
  /** Made by rule, not by a language model. */
  readonly rehearsal: boolean;
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  /** Null when no price is known. */
  readonly costNanoUsd: number | null;
  readonly timeToFirstTokenMs: number;
  readonly durationMs: number;
  readonly generationId: string;
  readonly citations?: readonly Citation[];
  /** The models that were tried before the one that answered; absent where there were none. */
  readonly inVain?: readonly InVain[];
};

/**
 * A generation under way. It has begun and goes on whether or not `text` is read. Returning early from `text` stops
 * it; so does `ctx.signal`. Both reject with an AppError (`model_*`), or with the abort's reason when it was stopped.
 */
export type Generation = {
  /** Of the record of the model that ends it; known before anything else is. */
  readonly id: string;
  /** The models that were tried in vain until now; each has a record of its own. */
  readonly inVain: readonly InVain[];
  readonly text: AsyncIterable<string>;
  readonly result: Promise<GenerateResult>;
};
