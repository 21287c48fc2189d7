import type { Router } from '../../../platform/http/router.ts';
import { Claim, CreateSeatKey, SeatKey, SeatParams, TurnParams } from './schemas.ts';
import type { Seats } from './service.ts';

const tag = 'discussions';
const NO_STORE = { 'cache-control': 'no-store' };

export function seatsRoutes(router: Router, seats: Seats): void {
  router.command({
    url: '/discussions/:discussion_id/participants/:participant_id/key',
    operationId: 'issueSeatKey',
    summary: 'Give a seat its key',
    description:
      'Shown this once; again, the one before is dead at once. The key reads this discussion, follows it, claims this ' +
      'seat’s turns and posts as this seat, and opens nothing else. It ends when its maker leaves the tenant, and one that ' +
      'an API key made ends with that key.',
    tag,
    access: 'discussions:write',
    params: SeatParams,
    body: CreateSeatKey,
    bodyOptional: true,
    bodyLimit: 16_384,
    response: SeatKey,
    errors: ['not_found', 'conflict', 'limit_reached'],
    handler: async (tx, { params, body }) => ({ body: await seats.issueKey(tx, params, body), headers: NO_STORE }),
  });

  router.route({
    method: 'DELETE',
    url: '/discussions/:discussion_id/participants/:participant_id/key',
    operationId: 'revokeSeatKey',
    summary: 'Revoke a seat’s key',
    description: 'It is refused, and its open streams end, within a second everywhere.',
    tag,
    access: 'discussions:write',
    params: SeatParams,
    status: 204,
    errors: ['not_found'],
    handler: ({ ctx, params }) => seats.revokeKey(ctx, params),
  });

  router.route({
    method: 'POST',
    url: '/discussions/:discussion_id/turns/:turn/claim',
    operationId: 'claimTurn',
    summary: 'Claim a turn',
    description:
      'For the seat (or the person) whose turn it is, after `turn_started`. Post with the turn and the fence before the ' +
      'deadline, or the turn passes on. Claimed again, the older fence is dead.',
    tag,
    access: 'discussions:write',
    confinedBy: 'discussion_id',
    params: TurnParams,
    response: Claim,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params }) => seats.claim(ctx, params.discussion_id, params.turn),
  });
}
