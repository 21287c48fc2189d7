import type { Webhook, WebhookInput } from '@parley/sdk';

/** A webhook as typed. `some` false: every type but those of sign-in and the like. */
export type Draft = { url: string; description: string; some: boolean; types: string[]; enabled: boolean };

export const EMPTY: Draft = { url: '', description: '', some: false, types: [], enabled: true };

export const draftOf = (webhook: Webhook): Draft => ({
  url: webhook.url,
  description: webhook.description ?? '',
  some: webhook.types !== null,
  types: [...(webhook.types ?? [])],
  enabled: webhook.enabled,
});

/** What the server would refuse, said while typing. */
export function problems({ url, description, some, types }: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  if (!isWeb(url.trim())) found.url = 'An address like https://example.org/parley.';
  if (description.length > 500) found.description = 'At most 500 characters.';
  if (some && types.length === 0) found.types = 'Choose at least one, or have all of them sent.';
  return found;
}

function isWeb(url: string): boolean {
  return url.length <= 2_048 && /^https?:\/\//.test(url) && URL.canParse(url);
}

/** The draft as the server takes it. */
export const inputOf = ({ url, description, some, types }: Draft): Omit<WebhookInput, 'enabled'> => ({
  url: url.trim(),
  description: description.trim() === '' ? null : description.trim(),
  types: some ? types : null,
});

/** Where in the form a field of the server's is: `types.3` → `types`. */
export const placeOf = (field: string): string => field.split('.')[0] ?? field;
