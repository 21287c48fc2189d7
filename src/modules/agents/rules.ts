import type { ChatMessage, GenerateResult, InVain, Parameters as ModelParameters } from '../models/index.ts';
import type { Invocation, Invoke, Parameters } from './schemas.ts';

export type Text = { readonly title: string; readonly text: string };

/**
 * What others wrote, between tags that part it from what we say. It stays untrusted text, but it cannot close its tag, nor
 * open one of ours, and so pass for a part of the instructions.
 */
export function quotedIn(tag: 'document' | 'passage' | 'summary', facts: string, text: string): string {
  const tame = (words: string) => words.replace(/<(?=[\s/]*(?:document|passage|summary)\b)/gi, '<\\');
  return `<${tag}${tame(facts)}>\n${tame(text)}\n</${tag}>`;
}

/** Documents as parts of a system message, to be joined by an empty line. */
export function documentParts(documents: readonly Text[]): string[] {
  if (documents.length === 0) return [];
  const each = documents.map(({ title, text }) => quotedIn('document', ` title=${JSON.stringify(title)}`, text));
  return ['Documents to use and to cite by title:', ...each];
}

/** Characters of documents that go into one prompt, shared by all of them. */
export const DOCUMENT_BUDGET = 24_000;

/** Documents cut so that together they keep the budget; a short one leaves its share to the long. */
export function fitDocuments<T extends Text>(documents: readonly T[], budget: number = DOCUMENT_BUDGET): T[] {
  const bySize = documents.map((document, index) => ({ document, index }));
  bySize.sort((a, b) => a.document.text.length - b.document.text.length);
  const kept = [...documents];
  let left = budget;
  for (const [done, { document, index }] of bySize.entries()) {
    const text = clip(document.text, Math.floor(left / (bySize.length - done)));
    kept[index] = { ...document, text };
    left -= text.length;
  }
  return kept;
}

/** At most `max` UTF-16 units, never half of a surrogate pair, and a mark where something was left out. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = text.slice(0, Math.max(0, max - 1));
  const whole = /[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head;
  return max > 0 ? `${whole}…` : '';
}

/** What an agent on its own is given. */
export function invokePrompt(instructions: string, documents: readonly Text[], input: Invoke['input']): ChatMessage[] {
  const system = [instructions, ...documentParts(documents)].filter(Boolean).join('\n\n');
  const said: readonly ChatMessage[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  return system ? [{ role: 'system', content: system }, ...said] : [...said];
}

/** Our wire's names of the parameters as the models module has them. */
export function modelParameters(own: Parameters): ModelParameters {
  const { temperature, top_p: topP, max_tokens: maxTokens, seed, stop } = own;
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && { stop }),
  };
}

/** A model's citations on our wire. */
export const citationsOf = (result: Pick<GenerateResult, 'citations'>): NonNullable<Invocation['citations']> =>
  (result.citations ?? []).map(({ documentId, title, quote }) => ({
    ...(documentId !== undefined && { document_id: documentId }),
    title,
    quote,
  }));

/** The models that were tried in vain, on our wire. */
export const fallbacksOf = (inVain: readonly InVain[]): NonNullable<Invocation['fallbacks']> =>
  inVain.map(({ model, code }) => ({ model, code }));

export function invocationOf(result: GenerateResult): Invocation {
  return {
    content: result.text,
    model: result.model,
    provider: result.provider,
    rehearsal: result.rehearsal,
    finish_reason: result.finishReason,
    usage: {
      input_tokens: result.usage.inputTokens,
      output_tokens: result.usage.outputTokens,
      cost_nano_usd: result.costNanoUsd,
    },
    time_to_first_token_ms: result.timeToFirstTokenMs,
    duration_ms: result.durationMs,
    generation_id: result.generationId,
    ...(result.citations && { citations: citationsOf(result) }),
    ...(result.inVain && { fallbacks: fallbacksOf(result.inVain) }),
  };
}
