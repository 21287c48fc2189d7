export { Parley, type ParleyOptions } from './client.ts';
export { type ErrorType, type FieldProblem, ParleyError } from './errors.ts';
export type { DiscussionEvent } from './events.ts';
export type { ConnectionState, FollowOptions } from './follow.ts';
export type { CursorPage, Page } from './pages.ts';
export type { RequestOptions } from './transport.ts';
export type * from './types.ts';
