import { Type } from 'typebox';
import { cursorPageOf, cursorQuery } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import { etagOf } from '../../platform/http/versions.ts';
import { logRoutes } from './log/routes.ts';
import { STATUSES } from './rules/status.ts';
import {
  AdvanceDiscussion,
  CreateDiscussion,
  Discussion,
  DiscussionFacts,
  DiscussionParams,
  Message,
  Posted,
  PostMessage,
  ResumeDiscussion,
  Turn,
} from './schemas.ts';
import type { Discussions } from './service.ts';

const tag = 'discussions';
/** Texts given with a discussion travel in its body. */
const BODY_LIMIT = 8 * 1024 * 1024;
const livePage = <T extends Parameters<typeof cursorPageOf>[0]>(item: T) =>
  Type.Object({
    ...cursorPageOf(item).properties,
    cursor: Type.String({ description: 'Where the event stream stood when this was read.' }),
  });
const Seq = Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 }));

export function discussionsRoutes(router: Router, discussions: Discussions): void {
  lifeRoutes(router, discussions);
  messageRoutes(router, discussions);
  controlRoutes(router, discussions);
  logRoutes(router, discussions);
}

function lifeRoutes(router: Router, discussions: Discussions): void {
  router.command({
    url: '/discussions',
    operationId: 'createDiscussion',
    summary: 'Begin a discussion',
    description: 'Texts in `context` are kept as documents. The answer says who speaks first, and why.',
    tag,
    access: 'discussions:write',
    bodyLimit: BODY_LIMIT,
    body: CreateDiscussion,
    response: Discussion,
    prepare: ({ ctx }) => discussions.prelude(ctx),
    handler: async (tx, { body, prepared }) => {
      const created = await discussions.create(tx, body, prepared);
      return { body: created, headers: { etag: etagOf(created.version) } };
    },
  });

  router.route({
    method: 'GET',
    url: '/discussions',
    operationId: 'listDiscussions',
    summary: 'List discussions',
    description: 'Newest first.',
    tag,
    access: 'discussions:read',
    query: Type.Object({ ...cursorQuery.properties, status: Type.Optional(Type.Enum([...STATUSES])) }),
    response: livePage(DiscussionFacts),
    errors: ['invalid_cursor'],
    handler: ({ ctx, query }) => discussions.list(ctx, query),
  });

  router.route({
    method: 'GET',
    url: '/discussions/:discussion_id',
    operationId: 'getDiscussion',
    summary: 'Read a discussion',
    tag,
    access: 'discussions:read',
    confinedBy: 'discussion_id',
    params: DiscussionParams,
    response: Discussion,
    errors: ['not_found'],
    handler: ({ ctx, params }) => discussions.get(ctx, params.discussion_id),
  });

  router.route({
    method: 'GET',
    url: '/discussions/:discussion_id/turns',
    operationId: 'listTurns',
    summary: 'List the turns of a discussion',
    description:
      'In order: who had each, why, in how many attempts, and what came of it. `before_turn` reads the page that ends ' +
      'before that turn; `next_cursor` goes on in the same direction.',
    tag,
    access: 'discussions:read',
    confinedBy: 'discussion_id',
    params: DiscussionParams,
    query: Type.Object({ ...cursorQuery.properties, after_turn: Seq, before_turn: Seq }),
    response: livePage(Turn),
    errors: ['not_found', 'invalid_cursor'],
    handler: ({ ctx, params, query }) => discussions.turns(ctx, params.discussion_id, query),
  });

  router.follow({
    url: '/discussions/:discussion_id/events',
    operationId: 'followDiscussion',
    summary: 'Follow a discussion',
    description:
      'Server-sent events. Events of the log carry an id (`epoch.position`) and can be resumed after it with ' +
      '`Last-Event-ID`. Live only, without an id: `message_delta {discussion_id, turn, attempt, offset, text}`, ' +
      '`turn_snapshot {discussion_id, turn, attempt, participant_id, text}` for who joins while somebody speaks, and ' +
      '`turn_restarted {discussion_id, turn, attempt}`. Offsets count UTF-16 units.',
    tag,
    access: 'discussions:read',
    confinedBy: 'discussion_id',
    params: DiscussionParams,
    errors: ['not_found'],
    handler: async ({ ctx, params }) => ({
      streams: [`discussions/${params.discussion_id}`],
      onJoin: await discussions.joining(ctx, params.discussion_id),
    }),
  });
}

function messageRoutes(router: Router, discussions: Discussions): void {
  router.command({
    url: '/discussions/:discussion_id/messages',
    operationId: 'postMessage',
    summary: 'Say something',
    description:
      'As whoever you are: a participant, whose turn it may be, or somebody from outside. A seat ends its turn only with ' +
      'the `turn` and `fence` of its claim; without them, what it says is said outside of turns. While an agent speaks, ' +
      '`on_post` of the discussion says what comes of it.',
    tag,
    access: 'discussions:write',
    confinedBy: 'discussion_id',
    params: DiscussionParams,
    body: PostMessage,
    response: Posted,
    errors: ['not_found', 'conflict', 'fence_outdated', 'limit_reached'],
    prepare: ({ ctx }) => discussions.prelude(ctx),
    handler: async (tx, { body, params, prepared }) => ({
      body: await discussions.post(tx, params.discussion_id, { ...body, by: prepared.by }),
    }),
  });

  router.route({
    method: 'GET',
    url: '/discussions/:discussion_id/messages',
    operationId: 'listMessages',
    summary: 'Read messages',
    description:
      'Always in order. `after_seq` reads on from there, `before_seq` reads the page that ends before it; ' +
      '`next_cursor` goes on in the same direction.',
    tag,
    access: 'discussions:read',
    confinedBy: 'discussion_id',
    params: DiscussionParams,
    query: Type.Object({ ...cursorQuery.properties, after_seq: Seq, before_seq: Seq }),
    response: livePage(Message),
    errors: ['not_found', 'invalid_cursor'],
    handler: ({ ctx, params, query }) => discussions.messages(ctx, params.discussion_id, query),
  });
}

const CONTROLS = {
  pause: ['Pause a discussion', 'Whoever speaks is cut off; `resume` begins this turn anew. Twice is fine.'],
  cancel: ['Cancel a discussion', 'Ends it at once; what was said so far is kept. Twice is fine.'],
} as const;

function controlRoutes(router: Router, discussions: Discussions): void {
  for (const verb of ['pause', 'cancel'] as const) {
    const [summary, description] = CONTROLS[verb];
    router.route({
      method: 'POST',
      url: `/discussions/:discussion_id/${verb}`,
      operationId: `${verb}Discussion`,
      summary,
      description,
      tag,
      access: 'discussions:write',
      params: DiscussionParams,
      response: Discussion,
      errors: ['not_found', 'conflict'],
      handler: ({ ctx, params }) => discussions[verb](ctx, params.discussion_id),
    });
  }

  router.route({
    method: 'POST',
    url: '/discussions/:discussion_id/resume',
    operationId: 'resumeDiscussion',
    summary: 'Resume a discussion',
    description:
      'Goes on, or begins what was made with `start: false`. Twice is fine. `limits` take the place of those it has; ' +
      'one that was paused for its cost goes on only with what it `needs`.',
    tag,
    access: 'discussions:write',
    params: DiscussionParams,
    body: ResumeDiscussion,
    bodyOptional: true,
    response: Discussion,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params, body }) => discussions.resume(ctx, params.discussion_id, body.limits),
  });

  router.route({
    method: 'POST',
    url: '/discussions/:discussion_id/advance',
    operationId: 'advanceDiscussion',
    summary: 'End the turn under way',
    description:
      'Passes over a person who is waited for, or ends an agent’s turn where it stands. With `turn`, only if that ' +
      'is still the turn under way. With `next_speaker`, that participant speaks next, under any policy; where a person ' +
      'has to choose (`manual`), this is the choice.',
    tag,
    access: 'discussions:write',
    params: DiscussionParams,
    query: Type.Object({ turn: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })) }),
    body: AdvanceDiscussion,
    bodyOptional: true,
    response: Discussion,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params, query, body }) => discussions.advance(ctx, params.discussion_id, { ...query, ...body }),
  });
}
