/** What the server asks of whatever makes the words. */

export type Said = { readonly role: 'system' | 'user' | 'assistant'; readonly text: string };

export type ChatRequest = {
  readonly messages: readonly Said[];
  /** At most this many tokens; undefined leaves it to what the context still holds. */
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
};

export type Answer = {
  /** `length`: `maxTokens`, or the context, was used up. */
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
  /** Of the prompt's: those that had been read before, for an earlier request. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
};

export type Engine = {
  /** The id that clients ask for. */
  readonly model: string;
  /** Prompt and answer together. */
  readonly contextTokens: number;
  /** How many answers can be under way at once. */
  readonly slots: number;
  /** How many tokens a prompt takes. */
  count(messages: readonly Said[]): number;
  /** Says its words as they come. Rejects with the signal's reason when that aborts. Never called more than `slots` times at once. */
  generate(request: ChatRequest, to: { signal: AbortSignal; onText: (text: string) => void }): Promise<Answer>;
  close(): Promise<void>;
};
