import type { Duplex } from 'node:stream';
import { uuidv7 } from '../../../lib/ids.ts';
import { formatTraceparent, newTrace } from '../../telemetry/trace.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import { problemBody } from './problem.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Answers what is not HTTP (or too large, or too slow) in our one error shape, and closes the connection. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = new AppError(CODES[error.code ?? ''] ?? 'bad_request', {
    ...(CODES[error.code ?? ''] === undefined && { message: 'This is not a valid HTTP request.' }),
  });
  const requestId = uuidv7();
  const body = problemBody('parley', problem, requestId);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.code}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${requestId}\r\n` +
      `traceparent: ${formatTraceparent(newTrace(false))}\r\nconnection: close\r\n\r\n${body}`,
  );
}
