import { AppError } from '../errors.ts';
import { type FieldFault, type Part, validationFailed } from '../validation.ts';

/** Deeper nesting than this is refused: neither PostgreSQL nor `JSON.stringify` takes any depth. */
const MAX_DEPTH = 64;
/** Escapes that may spell U+0000 or half a surrogate pair. A body without one is not looked through. */
const SUSPICIOUS = /\\u(0000|[dD][89a-fA-F])/;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Parses a JSON body: strictly UTF-8, no `__proto__`, no text that the database could not store. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new AppError('invalid_json', { message: 'The body is not valid UTF-8.', cause });
  }
  if (isTooDeep(bytes))
    throw validationFailed([fault('body', '', 'depth', `is nested deeper than ${MAX_DEPTH} levels`)]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid_json', { cause });
  }
  if (text.includes('__proto__') || SUSPICIOUS.test(text)) refuseUnstorable(value, 'body');
  return value;
}

/**
 * Parses a form body (OAuth's wire). A parameter that comes twice is refused, as RFC 6749 section 3.2 asks.
 */
export function parseForm(bytes: Buffer): Record<string, string> {
  const form: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(bytes.toString('utf8'))) {
    if (Object.hasOwn(form, name))
      throw validationFailed([fault('body', name.slice(0, 100), 'unique', 'must not come more than once')]);
    Object.defineProperty(form, name, { value, enumerable: true, configurable: true, writable: true });
  }
  refuseUnstorable(form, 'body');
  return form;
}

/** Throws `validation_failed` for text with U+0000 or half a surrogate pair anywhere, keys included. */
export function refuseUnstorable(value: unknown, part: Part): void {
  const faults: FieldFault[] = [];
  const queue: [path: string, value: unknown][] = [['', value]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [path, item] = next;
    if (typeof item === 'string') {
      if (!isStorable(item)) faults.push(fault(part, path, 'text', 'holds U+0000 or half a surrogate pair'));
    } else if (typeof item === 'object' && item !== null) {
      for (const [key, child] of Object.entries(item)) {
        const childPath = path === '' ? key.slice(0, 100) : `${path}.${key.slice(0, 100)}`;
        if (!isStorable(key) || key === '__proto__')
          faults.push(fault(part, path, 'propertyNames', 'has a field with a forbidden name'));
        else queue.push([childPath, child]);
      }
    }
    if (faults.length > 0) throw validationFailed(faults);
  }
}

const isStorable = (text: string) => !text.includes('\0') && text.isWellFormed();

const fault = (part: Part, field: string, rule: string, message: string): FieldFault => ({
  in: part,
  field,
  rule,
  message,
});

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];

/** Counts brackets outside of strings, before the parser sees them. */
function isTooDeep(bytes: Buffer): boolean {
  if (bytes.length < 2 * MAX_DEPTH) return false;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (quoted) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  return false;
}
