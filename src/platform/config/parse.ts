import { isIP } from 'node:net';
import type { Environment, Setting } from './env.ts';

/** Reads settings one by one and collects what is wrong with them, a sentence each. */
export class SettingsReader {
  readonly faults: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: Setting): string | undefined;
  text(name: Setting, fallback: string): string;
  text(name: Setting, fallback?: string): string | undefined {
    return this.#env[name] ?? fallback;
  }

  /** A fault, and the fallback so that the reading can go on. */
  fault<T>(sentence: string, fallback: T): T {
    this.faults.push(sentence);
    return fallback;
  }

  whole(name: Setting, fallback: number, { min, max }: { min: number; max: number }): number {
    const text = this.#env[name];
    if (text === undefined) return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    return this.fault(`${name} must be a whole number from ${min} to ${max}, not "${text}".`, fallback);
  }

  oneOf<T extends string>(name: Setting, fallback: T, values: readonly T[]): T {
    const text = this.#env[name];
    if (text === undefined) return fallback;
    const found = values.find((value) => value === text.toLowerCase());
    return found ?? this.fault(`${name} must be one of ${values.join(', ')}, not "${text}".`, fallback);
  }

  yesNo(name: Setting, fallback: boolean): boolean {
    const text = this.#env[name]?.toLowerCase();
    if (text === undefined) return fallback;
    if (['true', '1', 'yes', 'on'].includes(text)) return true;
    if (['false', '0', 'no', 'off'].includes(text)) return false;
    return this.fault(`${name} must be true or false, not "${text}".`, fallback);
  }

  /** Commas, or a JSON array of texts. */
  list(name: Setting, fallback: readonly string[] = []): readonly string[] {
    const text = this.#env[name];
    if (text === undefined) return fallback;
    if (!text.startsWith('[')) return split(text);
    try {
      const items: unknown = JSON.parse(text);
      if (Array.isArray(items) && items.every((item) => typeof item === 'string')) return items;
    } catch {
      // Told below, together with arrays of something else.
    }
    return this.fault(`${name} begins like a JSON array and is none of texts: ${text}.`, fallback);
  }

  /** An address without credentials, and without a slash at its end. The text is not repeated: it may hold a secret. */
  url(name: Setting, protocols: readonly string[] = ['http:', 'https:']): string | undefined {
    const text = this.#env[name];
    if (text === undefined) return undefined;
    const schemes = protocols.map((protocol) => `${protocol}//`).join(' or ');
    if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol))
      return this.fault(`${name} must be an address that begins with ${schemes}.`, undefined);
    return text.replace(/\/+$/, '');
  }
}

const split = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** `192.0.2.1`, `2001:db8::/32`. */
export function isAddressOrRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** `https://app.example.com`, with a port perhaps, and nothing behind it. */
export const isOrigin = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;

const HOST_AND_PORT = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i;

/** A host, `host:port`, an address or a range. */
export const isReachable = (text: string): boolean => isAddressOrRange(text) || HOST_AND_PORT.test(text);

/** 32 bytes, as 64 hex digits or as base64. */
export function parseKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const key = Buffer.from(text, 'base64');
  return key.length === 32 ? key : undefined;
}
