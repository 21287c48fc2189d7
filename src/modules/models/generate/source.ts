import type { Citation, FinishReason, GenerateRequest } from '../contract.ts';

/** What comes from a model, piece by piece. */
export type Part =
  | { readonly type: 'text'; readonly text: string }
  /** It is at work (thinking, or keeping the line open). `counts` when it has produced something that is paid for. */
  | { readonly type: 'sign_of_life'; readonly counts: boolean }
  | {
      readonly type: 'finish';
      readonly finishReason: FinishReason;
      /** Absent where the provider tells no counts. */
      readonly usage?: {
        readonly inputTokens: number;
        readonly outputTokens: number;
        readonly cachedInputTokens?: number;
      };
      readonly citations?: readonly Citation[];
    };

/** A model that was found for a request. */
export type Source = {
  /** What it can be asked for by: `openai/gpt-5`, `rehearsal`. */
  readonly id: string;
  readonly provider: string;
  /** The provider's own name of it. */
  readonly providerModel: string;
  readonly rehearsal: boolean;
  /** Of an OpenAI-compatible provider: finds its prices where they are known. */
  readonly baseUrl?: string;
  /** Blotted out of the provider's messages. */
  readonly secret?: string;
  /** Asks the model once. Aborting the signal closes the connection and ends the iteration with an error. */
  open(request: GenerateRequest, signal: AbortSignal): AsyncIterable<Part>;
};
