import type { createOpenAI } from '@ai-sdk/openai';

// The AI SDK's model interface (version 4), which all its providers share.
export type LanguageModel = ReturnType<ReturnType<typeof createOpenAI>['chat']>;
export type Prompt = Parameters<LanguageModel['doStream']>[0]['prompt'];
type StreamResult = Awaited<ReturnType<LanguageModel['doStream']>>;
export type StreamPart = StreamResult['stream'] extends ReadableStream<infer Part> ? Part : never;
