import type { LogEvent } from './types.ts';

/** A delivery that is not to be trusted: not from the server that has the secret, changed on its way, or too old. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
}

/** What a webhook is sent. `test` is true for what `webhooks.test` sends: it is in no log. */
export type WebhookEvent = LogEvent & { test?: true };

type HeaderBag =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

const PREFIX = 'whsec_';

/**
 * Checks a delivery as Standard Webhooks says, and gives its event. `body` is what came, byte for byte: parsed and written
 * again, it would not be what was signed. `headers` are those of a `Request`, or of Node. Throws `WebhookVerificationError`.
 *
 * The same event may come more than once: its `id` (the header `webhook-id`) tells.
 */
export async function verifyWebhook(
  secret: string,
  headers: HeaderBag,
  body: string | Uint8Array | ArrayBuffer,
  { toleranceSeconds = 300, now = new Date() }: { toleranceSeconds?: number; now?: Date } = {},
): Promise<WebhookEvent> {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const signatures = headerOf(headers, 'webhook-signature');
  const ageSeconds = now.getTime() / 1_000 - (/^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN);
  if (!(Math.abs(ageSeconds) <= toleranceSeconds))
    throw new WebhookVerificationError('The timestamp is too old, or of the future.');
  const text = bytesOf(body);
  const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), text);
  const { subtle } = await webCrypto();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await subtle.importKey('raw', keyOf(secret), algorithm, false, ['verify']);
  for (const signature of signatures.split(' ')) {
    const given = signature.startsWith('v1,') ? base64(signature.slice(3)) : undefined;
    if (given !== undefined && (await subtle.verify('HMAC', key, given, signed)))
      return JSON.parse(new TextDecoder().decode(text)) as WebhookEvent;
  }
  throw new WebhookVerificationError('No signature is of this secret and this body.');
}

function headerOf(headers: HeaderBag, name: string): string {
  const value =
    typeof headers.get === 'function'
      ? (headers.get as (name: string) => string | null)(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof value !== 'string' || value === '')
    throw new WebhookVerificationError(`The header ${name} is missing, or came more than once.`);
  return value;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = base64(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (key === undefined || key.length === 0) throw new TypeError('A webhook secret is `whsec_` and base64.');
  return key;
}

function base64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Node 18 has it, but not as a global. The name is not written out, so that bundlers for browsers do not look for it. */
async function webCrypto(): Promise<Crypto> {
  const known = globalThis.crypto as Crypto | undefined;
  if (known?.subtle !== undefined) return known;
  const name = 'node:crypto';
  const module = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as { webcrypto: Crypto };
  return module.webcrypto;
}

const bytesOf = (body: string | Uint8Array | ArrayBuffer): Uint8Array =>
  typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body);

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
