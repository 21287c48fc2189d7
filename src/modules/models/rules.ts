import type { ProviderSettings } from '../../platform/config/config.ts';
import type { OutboundKind } from '../../platform/net/outbound.ts';

/** The protocols that providers speak. */
export type ProviderKind = 'openai' | 'anthropic' | 'google' | 'openai_compatible';

/** How a provider is reached: by a tenant's own settings, the operator's, or because it was found on this machine. */
export type Connection = {
  /** The part of a model's id before the slash. */
  readonly name: string;
  readonly kind: ProviderKind;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly outbound: OutboundKind;
};

/** Where the providers answer, version included. */
export const BASE_URLS = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  google: 'https://generativelanguage.googleapis.com/v1beta',
} as const;

/** Models of this machine and of the operator's `OPENAI_COMPATIBLE_URL`. */
export const LOCAL = 'local';

/** Names that a tenant cannot give a provider, because they mean something in a model's id. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([LOCAL, 'rehearsal', 'agent', 'prompt', 'parley']);

/** The kind that a provider of this name must have, or undefined when it may be chosen. */
export const kindOfName = (name: string): ProviderKind | undefined =>
  name in BASE_URLS ? (name as keyof typeof BASE_URLS) : undefined;

/** Splits `provider/model`; the model may hold slashes of its own. Undefined when it is not of this form. */
export function parseModelId(id: string): { provider: string; model: string } | undefined {
  const at = id.indexOf('/');
  if (at <= 0 || at === id.length - 1) return undefined;
  return { provider: id.slice(0, at), model: id.slice(at + 1) };
}

/** The providers that the operator's settings make, for every tenant. */
export function operatorConnections(settings: ProviderSettings): Connection[] {
  const connections: Connection[] = [];
  for (const name of ['openai', 'anthropic', 'google'] as const) {
    const set = settings[name];
    if (set === undefined) continue;
    const baseUrl = trimSlash(set.baseUrl ?? BASE_URLS[name]);
    connections.push({ name, kind: name, baseUrl, apiKey: set.apiKey, outbound: 'operator' });
  }
  if (settings.compatible !== undefined) {
    const { baseUrl, apiKey } = settings.compatible;
    connections.push({
      name: LOCAL,
      kind: 'openai_compatible',
      baseUrl: trimSlash(baseUrl),
      apiKey,
      outbound: 'operator',
    });
  }
  return connections;
}

export const trimSlash = (url: string): string => url.replace(/\/+$/, '');

const ORDER: readonly string[] = ['openai', 'anthropic', 'google'];

/** A tenant's own providers come before the operator's; then the known names, then others by name, then `local`. */
export function orderConnections(own: readonly Connection[], operator: readonly Connection[]): Connection[] {
  const rank = ({ name }: Connection) =>
    name === LOCAL ? ORDER.length + 1 : ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length;
  const sorted = (list: readonly Connection[]) =>
    [...list].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const taken = new Set(own.map(({ name }) => name));
  return [...sorted(own), ...sorted(operator.filter(({ name }) => !taken.has(name)))];
}

/** Sensible models of a provider, the first choice first: quick and inexpensive ones that hold a conversation. */
const PREFERRED: Readonly<Record<Exclude<ProviderKind, 'openai_compatible'>, readonly string[]>> = {
  openai: ['gpt-5.6-luna', 'gpt-5.4-mini', 'gpt-5-mini', 'gpt-4o-mini'],
  anthropic: ['claude-sonnet-5', 'claude-sonnet-4-6', 'claude-haiku-4-5', 'claude-sonnet-4-5'],
  google: ['gemini-3.8-flash', 'gemini-3.5-flash', 'gemini-2.5-flash', 'gemini-flash-latest'],
};

/**
 * The model that a provider is used with where nobody chose one: a preferred one that it offers, else its first.
 * `offered` is empty when it could not be asked: then the first preferred one, if any.
 */
export function defaultModelOf(kind: ProviderKind, offered: readonly string[]): string | undefined {
  const preferred = kind === 'openai_compatible' ? [] : PREFERRED[kind];
  return preferred.find((model) => offered.some((id) => id === model)) ?? offered[0] ?? preferred[0];
}

// Models that answer something other than text, or not on the chat wire.
const NOT_CHAT =
  /embed|rerank|whisper|tts|transcribe|speech|moderation|dall-e|image|imagen|veo|sora|audio|realtime|native-audio|(?:^|[-_/])bge-|davinci|babbage|codex|-pro$|-pro-20|deep-research|computer-use|search-preview|aqa$|lyria|live-/i;

/** Whether a model, going by its name, can be talked with. */
export function holdsConversations(kind: ProviderKind, model: string): boolean {
  if (kind === 'google' || kind === 'anthropic') return !NOT_CHAT.test(model.replace(/-pro\b/, ''));
  return !NOT_CHAT.test(model);
}
