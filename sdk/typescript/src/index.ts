export { Parley, type ParleyOptions } from './client.ts';
export {
  AuthenticationError,
  type ClientErrorCode,
  ConflictError,
  ConnectionError,
  type ErrorCode,
  type ErrorType,
  type FieldProblem,
  InternalError,
  InvalidRequestError,
  NotFoundError,
  ParleyError,
  PermissionError,
  RateLimitError,
  type ServerErrorCode,
  TimeoutError,
  UpstreamError,
  ValidationError,
} from './errors.ts';
export type { DiscussionEvent } from './events.ts';
export type { ExportedFile } from './exported.ts';
export type { ConnectionState, FollowOptions, WireEvent } from './follow.ts';
export type { OrderEvent } from './order-events.ts';
export type { CursorPage, List, Page } from './pages.ts';
export type { FollowedEvent } from './resources/operations.ts';
export type { SubscribeOptions } from './socket/channel.ts';
export type { LiveSocket, SocketOptions } from './socket/socket.ts';
export type { TranscriptPart } from './transcript.ts';
export type { RequestOptions } from './transport.ts';
export type * from './types.ts';
export { verifyWebhook, type WebhookEvent, WebhookVerificationError } from './verify-webhook.ts';
