import pg from 'pg';
import { AppError } from '../http/errors.ts';

/** Whether `error` is the violation of a unique, foreign-key or check constraint (of that name, when one is given). */
export function violates(error: unknown, kind: 'unique' | 'foreign_key' | 'check', constraint?: string): boolean {
  if (!(error instanceof pg.DatabaseError) || error.code !== CONSTRAINT_CODES[kind]) return false;
  return constraint === undefined || error.constraint === constraint;
}

const CONSTRAINT_CODES = { unique: '23505', foreign_key: '23503', check: '23514' } as const;

/** Serialisation failure and deadlock: the same transaction may succeed when it is run again. */
export const isRetryable = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');

/** SQLSTATEs of a server that is starting, stopping or full: 57P0x, 53xxx (resources), 08xxx (connection). */
const SERVER_DOWN = /^(57P0[1-5]|53...|08...)$/;
/**
 * What a text from outside can do to a statement although it passed its schema: U+0000 (22021 in text, 22P05 in
 * jsonb), half a surrogate pair in jsonb (22P02 on type json), a number out of a column's range (22003).
 */
const UNSTORABLE = /^(22021|22P05|22003)$/;

/**
 * What a failed statement means to a caller: a database that is away is `unavailable`, one that is too slow or has
 * no free connection is `overloaded`, a text that cannot be stored is `validation_failed`. Everything else stays.
 */
export function translate(error: unknown): unknown {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    if (SERVER_DOWN.test(code)) return new AppError('unavailable', { cause: error });
    if (code === '57014' || code === '55P03') return new AppError('overloaded', { cause: error });
    if (UNSTORABLE.test(code) || (code === '22P02' && /type json/.test(error.message)))
      return new AppError('validation_failed', {
        message: 'The text holds a character that cannot be stored (U+0000 or half a surrogate pair).',
        cause: error,
      });
    return error;
  }
  if (!(error instanceof Error) || error instanceof AppError) return error;
  if (/timeout exceeded when trying to connect/.test(error.message))
    return new AppError('overloaded', { cause: error });
  if (isConnectionError(error)) return new AppError('unavailable', { cause: error });
  return error;
}

const SOCKET_ERRORS = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT']);

/** Whether the server could not be reached, or the connection broke. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof pg.DatabaseError) return SERVER_DOWN.test(error.code ?? '');
  if (error instanceof AggregateError) return error.errors.every(isConnectionError);
  const code = 'code' in error ? String(error.code) : '';
  return SOCKET_ERRORS.has(code) || /^(Connection terminated|Client (was closed|has encountered))/.test(error.message);
}
