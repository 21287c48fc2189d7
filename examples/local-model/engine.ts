import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Answer, ChatRequest, Engine, Said } from './server/contract.ts';

/*
 * llama.cpp through node-llama-cpp. The library is loaded from where `setup.ts` put it, and is no dependency of
 * Parley's: so what is used of it is written down here.
 */
type Token = number & { readonly __token: never };
type History = { type: 'system' | 'user'; text: string } | { type: 'model'; response: string[] };
type Sequence = { readonly contextTokens: readonly Token[]; readonly tokenMeter: TokenMeter };
type TokenMeter = { getState(): { usedOutputTokens: number } };
type Model = {
  readonly trainContextSize: number;
  readonly tokenizer: unknown;
  createContext(options: {
    contextSize: { min: number; max: number };
    sequences: number;
    batchSize: number;
    threads: number;
    flashAttention: boolean;
  }): Promise<{ readonly contextSize: number; getSequence(): Sequence }>;
};
type Llama = { loadModel(options: { modelPath: string }): Promise<Model>; dispose(): Promise<void> };
type Chat = {
  readonly chatWrapper: {
    generateContextState(options: { chatHistory: readonly History[] }): {
      contextText: { tokenize(tokenizer: unknown): Token[] };
    };
  };
  generateResponse(
    history: readonly History[],
    options: {
      signal: AbortSignal;
      onTextChunk: (text: string) => void;
      maxTokens: number;
      temperature: number;
      topP: number;
      seed?: number;
      customStopTriggers?: readonly string[];
    },
  ): Promise<{ metadata: { stopReason: string } }>;
};
type Library = {
  getLlama(options: { gpu: 'auto' | false; build: 'never'; skipDownload: true; logLevel: string }): Promise<Llama>;
  readonly LlamaChat: new (options: { contextSequence: Sequence }) => Chat;
};

const MAX_CONTEXT_TOKENS = 8192;
const MIN_CONTEXT_TOKENS = 512;
/** Never used: with them, the library would begin to forget what was said first, and tell nobody. */
const SPARE_TOKENS = 4;
/**
 * Conversations whose prompts stay read. Speakers of a discussion take turns with a beginning of their own each: the
 * second time, only what is new is read (0.07 s instead of 3.9 s for 700 tokens: measured).
 */
const SLOTS = 4;
/** A stop is noticed between two batches of a prompt. */
const BATCH_TOKENS = 128;
const MAX_THREADS = 8;
/** Below these, the smallest models do little but echo the topic. */
const TEMPERATURE = 1;
const TOP_P = 0.95;
const MAX_SEED = 2 ** 32;

type Slot = { readonly chat: Chat; readonly sequence: Sequence; isBusy: boolean };

/** Loads the model of `modelPath`; `installed` is the folder that holds node-llama-cpp. */
export async function loadEngine(options: { installed: string; modelPath: string; model: string }): Promise<Engine> {
  const entry = path.join(options.installed, 'node_modules/node-llama-cpp/dist/index.js');
  const { getLlama, LlamaChat } = (await import(pathToFileURL(entry).href)) as Library;
  const gpu = process.platform === 'darwin' && process.arch === 'arm64' ? 'auto' : false;
  const llama = await getLlama({ gpu, build: 'never', skipDownload: true, logLevel: 'error' });
  try {
    const model = await llama.loadModel({ modelPath: options.modelPath });
    const context = await model.createContext({
      contextSize: { min: MIN_CONTEXT_TOKENS, max: Math.min(MAX_CONTEXT_TOKENS, model.trainContextSize) },
      sequences: SLOTS,
      batchSize: BATCH_TOKENS,
      threads: threadsFor(availableParallelism()),
      flashAttention: true,
    });
    const slots = Array.from({ length: SLOTS }, (): Slot => {
      const sequence = context.getSequence();
      return { sequence, chat: new LlamaChat({ contextSequence: sequence }), isBusy: false };
    });
    return new LlamaEngine(options.model, { llama, model, slots, contextTokens: context.contextSize - SPARE_TOKENS });
  } catch (error) {
    await llama.dispose();
    throw error;
  }
}

/**
 * One core is left to Parley and its database. llama.cpp's threads wait for one another by spinning, several hundred
 * times a token: two of them on a busy machine of two cores made one token in 15 s, one of them 34 a second (measured).
 */
export const threadsFor = (cores: number): number => Math.min(MAX_THREADS, Math.max(1, cores - 1));

class LlamaEngine implements Engine {
  readonly model: string;
  readonly contextTokens: number;
  readonly slots: number;
  readonly #llama: Llama;
  readonly #model: Model;
  readonly #slots: readonly Slot[];

  constructor(name: string, made: { llama: Llama; model: Model; slots: readonly Slot[]; contextTokens: number }) {
    this.model = name;
    this.contextTokens = made.contextTokens;
    this.slots = made.slots.length;
    this.#llama = made.llama;
    this.#model = made.model;
    this.#slots = made.slots;
  }

  count(messages: readonly Said[]): number {
    return this.#tokens(historyOf(messages)).length;
  }

  async generate(
    { messages, maxTokens, temperature = TEMPERATURE, topP = TOP_P, seed, stop }: ChatRequest,
    { signal, onText }: { signal: AbortSignal; onText: (text: string) => void },
  ): Promise<Answer> {
    const history = historyOf(messages);
    const prompt = this.#tokens(history);
    const slot = this.#nearest(prompt);
    const cachedTokens = commonPrefix(slot.sequence.contextTokens, prompt);
    const usedBefore = slot.sequence.tokenMeter.getState().usedOutputTokens;
    slot.isBusy = true;
    try {
      const { metadata } = await slot.chat.generateResponse(history, {
        ...{ signal, temperature, topP, onTextChunk: onText },
        // What does not fit ends the answer: nothing of what was said is silently forgotten.
        maxTokens: Math.min(maxTokens ?? this.contextTokens, this.contextTokens - prompt.length),
        ...(seed !== undefined && { seed: Math.abs(seed) % MAX_SEED }),
        ...(stop.length > 0 && { customStopTriggers: stop }),
      });
      return {
        finishReason: metadata.stopReason === 'maxTokens' ? 'length' : 'stop',
        promptTokens: prompt.length,
        cachedTokens,
        completionTokens: slot.sequence.tokenMeter.getState().usedOutputTokens - usedBefore,
      };
    } finally {
      slot.isBusy = false;
    }
  }

  close(): Promise<void> {
    return this.#llama.dispose();
  }

  #tokens(chatHistory: readonly History[]): Token[] {
    const [{ chat }] = this.#slots as [Slot];
    return chat.chatWrapper.generateContextState({ chatHistory }).contextText.tokenize(this.#model.tokenizer);
  }

  /** The free slot that gains most: what it has read of this prompt already, less what it would have to forget. */
  #nearest(prompt: readonly Token[]): Slot {
    const gain = ({ sequence: { contextTokens: known } }: Slot) => 2 * commonPrefix(known, prompt) - known.length;
    const [best] = this.#slots.filter(({ isBusy }) => !isBusy).sort((a, b) => gain(b) - gain(a));
    if (best === undefined) throw new Error(`More than ${this.slots} answers at once`);
    return best;
  }
}

function historyOf(messages: readonly Said[]): History[] {
  const history = messages.map(
    ({ role, text }): History => (role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text }),
  );
  return history.at(-1)?.type === 'model' ? history : [...history, { type: 'model', response: [] }];
}

function commonPrefix(a: readonly Token[], b: readonly Token[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
