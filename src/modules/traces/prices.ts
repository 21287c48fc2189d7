/** What a call used, as far as prices depend on it. */
export type PricedUsage = {
  readonly provider: string;
  /** The provider's own id of the model. */
  readonly model: string;
  /** Where an OpenAI-compatible provider answers: finds its prices where they are known. */
  readonly baseUrl?: string;
  readonly inputTokens: number;
  readonly cachedInputTokens?: number;
  readonly outputTokens: number;
};

const NANO = 1_000_000_000;
const KNOWN: ReadonlySet<string> = new Set(['openai', 'anthropic', 'google']);

/**
 * The price of a call in nano-dollars, or null when none is known. The price list is the one that came with the
 * package (no network); it is read from disk with the first call of a real model (10 MB that a rehearsal never needs).
 */
export async function priceOf(usage: PricedUsage, at: Date): Promise<number | null> {
  if (usage.provider === 'rehearsal') return 0;
  const source = KNOWN.has(usage.provider)
    ? { providerId: usage.provider }
    : usage.baseUrl !== undefined
      ? { providerApiUrl: usage.baseUrl }
      : undefined;
  if (source === undefined) return null;
  const { calcPrice } = await import('@pydantic/genai-prices');
  const counts = {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    ...(usage.cachedInputTokens ? { cache_read_tokens: Math.min(usage.cachedInputTokens, usage.inputTokens) } : {}),
  };
  try {
    const price = calcPrice(counts, usage.model, { ...source, timestamp: at });
    return price === null ? null : Math.round(price.total_price * NANO);
  } catch {
    // It throws for a combination of units that it cannot price, and for a provider that it does not know.
    return null;
  }
}
