import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { uuidv7 } from '../../src/lib/ids.ts';
import type { Answer, Client, Member, World } from '../support/world.ts';

/** A request that its owner may make and that succeeds. */
export type Made = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What somebody of another tenant gets for the very same request. Default: 404 where there are params, else 2xx. */
  readonly foreign?: readonly number[];
};

export type Setting = {
  readonly world: World;
  readonly owner: Member;
  /** A word that is in everything the owner makes, and must never reach anybody else. */
  readonly mark: string;
};

/** Makes what the route needs in the owner's tenant, and a request to it. Twice gives two independent ones. */
export type Fixture = (setting: Setting) => Promise<Made>;

const hex = () => randomBytes(5).toString('hex');
const password = () => `pass ${randomBytes(9).toString('hex')}`;

/** The answer's body, or an error that says which preparation failed. */
async function done(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`A fixture failed with ${status}: ${JSON.stringify(body)}`);
  return body;
}

const agentBody = (mark: string) => ({
  name: `a${hex()}`,
  model: 'rehearsal',
  instructions: `You are ${mark}.`,
  metadata: { mark },
});
const documentBody = (mark: string) => ({
  title: `About ${mark}`,
  text: `All that is known of ${mark}: it is secret.`,
});

export const makeAgent = async (client: Client, mark: string): Promise<{ id: string; name: string }> =>
  done(client.post('/agents', agentBody(mark)));
export const makeDocument = async (client: Client, mark: string): Promise<{ id: string }> =>
  done(client.post('/documents', documentBody(mark)));

const productBody = (mark: string) => ({
  name: `Tea of ${mark}`,
  sku: hex(),
  price: { amount: 1_490, currency: 'EUR' },
  stock: 100,
  attributes: { mark },
});
export const makeProduct = async (client: Client, mark: string): Promise<{ id: string }> =>
  done(client.post('/products', productBody(mark)));
const ofProduct =
  (more: Omit<Made, 'params'> = {}): Fixture =>
  async ({ owner, mark }) => ({ params: { product_id: (await makeProduct(owner, mark)).id }, ...more });

const orderBody = async ({ owner, mark }: Setting) => ({
  lines: [{ product_id: (await makeProduct(owner, mark)).id, quantity: 2 }],
  customer: { name: mark, email: `${hex()}@example.com` },
  metadata: { mark },
});
const keyed = () => ({ 'idempotency-key': hex() });
async function makeOrder(setting: Setting): Promise<{ id: string }> {
  const made = await done(setting.owner.post('/orders', await orderBody(setting), { headers: keyed() }));
  await setting.world.settle();
  return made;
}
/** It has been paid: the rehearsal of payments is quick. */
const ofOrder =
  (more: Omit<Made, 'params'> = {}): Fixture =>
  async (setting) => ({ params: { order_id: (await makeOrder(setting)).id }, ...more });

async function discussionBody({ owner, mark }: Setting, more: object = {}): Promise<object> {
  const agent = await makeAgent(owner, mark);
  const participants = [{ agent_id: agent.id }, { user_id: owner.userId }];
  return { topic: `Of ${mark}`, participants, limits: { max_turns: 4 }, start: false, ...more };
}
const makeDiscussion = async (setting: Setting, more: object = {}): Promise<{ id: string }> =>
  done(setting.owner.post('/discussions', await discussionBody(setting, more)));

/** A seat, in a discussion of its own. */
async function makeSeat(setting: Setting): Promise<{ discussion_id: string; participant_id: string }> {
  const participants = [{ seat: { name: setting.mark } }];
  const { id, participants: kept } = await done(
    setting.owner.post('/discussions', await discussionBody(setting, { participants })),
  );
  return { discussion_id: id, participant_id: kept[0].id };
}

/** A discussion that has been set in motion, and waits for the person. */
async function runningDiscussion(setting: Setting): Promise<{ id: string }> {
  const made = await makeDiscussion(setting, { start: true });
  await setting.world.settle();
  return made;
}

async function withVersion(owner: Member, path: string): Promise<Record<string, string>> {
  const { headers } = await owner.get(path);
  return { 'if-match': headers.get('etag') ?? '' };
}

/** One that is off, so that nothing is sent to its address while hundreds of routes are tried; and its first delivery. */
const webhookBody = (mark: string) => ({ url: `https://${mark}.invalid/hook`, description: mark, enabled: false });
const makeWebhook = ({ owner, mark }: Setting, more: object = {}): Promise<{ id: string }> =>
  done(owner.post('/webhooks', { ...webhookBody(mark), ...more }));
const ofWebhook =
  (more: (setting: Setting, id: string) => Promise<Omit<Made, 'params'>> = async () => ({})): Fixture =>
  async (setting) => {
    const { id } = await makeWebhook(setting);
    return { params: { webhook_id: id }, ...(await more(setting, id)) };
  };
const ofDelivery: Fixture = async (setting) => {
  const { id } = await makeWebhook(setting);
  const delivery = await done(setting.owner.post(`/webhooks/${id}/test`, {}));
  return { params: { webhook_id: id, delivery_id: delivery.id } };
};

const none: Fixture = async () => ({});
const ofAgent =
  (
    more: (setting: Setting, id: string) => Promise<Omit<Made, 'params'>> | Omit<Made, 'params'> = () => ({}),
  ): Fixture =>
  async (setting) => {
    const { id } = await makeAgent(setting.owner, setting.mark);
    return { params: { agent_id: id }, ...(await more(setting, id)) };
  };
const ofDocument =
  (
    more: (setting: Setting, id: string) => Promise<Omit<Made, 'params'>> | Omit<Made, 'params'> = () => ({}),
  ): Fixture =>
  async (setting) => {
    const { id } = await makeDocument(setting.owner, setting.mark);
    return { params: { document_id: id }, ...(await more(setting, id)) };
  };
const ofDiscussion =
  (make: (setting: Setting) => Promise<{ id: string }> = makeDiscussion, more: Omit<Made, 'params'> = {}): Fixture =>
  async (setting) => ({ params: { discussion_id: (await make(setting)).id }, ...more });

/** Another member of the owner's tenant, who came by invitation. */
async function invited({ owner, world, mark }: Setting): Promise<{ email: string; token: string; id: string }> {
  const email = `${hex()}@example.com`;
  const made = await done(owner.post('/invitations', { email, roles: ['viewer'] }));
  void world;
  void mark;
  return { email, token: made.token, id: made.id };
}
async function joined(setting: Setting): Promise<string> {
  const { token } = await invited(setting);
  const body = { token, name: setting.mark, password: password() };
  return (await done(setting.world.anonymous.post('/auth/invitations/accept', body))).user.id;
}

/** Keys, sessions and passwords that a test may end without cutting off its own owner. */
async function secondSession({ owner, world }: Setting): Promise<{ token: string; refresh: string; id: string }> {
  const body = { grant_type: 'password', username: owner.email, password: owner.password };
  const tokens = await done(world.anonymous.post('/auth/token', body));
  const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url').toString());
  return { token: tokens.access_token, refresh: tokens.refresh_token, id: claims.sid };
}

/** Something that could not be handled, as a consumer parks it; of a group that nobody runs. */
async function deadLetter({ owner, world, mark }: Setting): Promise<string> {
  const id = uuidv7();
  await world.db.inSystemTx((tx) =>
    tx.run(sql`
      insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body, error_message)
      values (${owner.tenantId}, ${id}, 'event', ${`group ${hex()}`}, 0, ${`agents/${mark}`}, 1, 'failed', 'agent_changed',
        ${JSON.stringify({ mark })}::jsonb, ${`It failed on ${mark}`})`),
  );
  return id;
}
const ofDeadLetter: Fixture = async (setting) => ({ params: { dead_letter_id: await deadLetter(setting) } });

const generated: Fixture = async ({ owner, mark }) => {
  const agent = await makeAgent(owner, mark);
  for (const input of [`One about ${mark}`, `Two about ${mark}`])
    await done(owner.post(`/agents/${agent.id}/invoke`, { input }));
  return { query: { agent_id: agent.id } };
};

/** One for every operation of the API. A new route without one fails the tests, and says so. */
export const FIXTURES: Readonly<Record<string, Fixture>> = {
  getHealth: none,
  getReadiness: none,
  getJwks: none,
  openSocket: none,

  register: async ({ mark }) => ({
    body: { email: `${hex()}@example.com`, password: password(), name: mark, tenant_name: mark },
  }),
  token: async ({ owner }) => ({
    body: { grant_type: 'password', username: owner.email, password: owner.password },
  }),
  revokeToken: async (setting) => ({ body: { token: (await secondSession(setting)).refresh } }),
  getMe: none,
  listSessions: none,
  revokeSession: async (setting) => ({ params: { session_id: (await secondSession(setting)).id } }),
  changePassword: async ({ owner }) => ({
    // The same again: the owner goes on being the one that the other fixtures know.
    body: { current_password: owner.password, new_password: owner.password },
    foreign: [400, 401, 403, 422, 429],
  }),
  listUsers: none,
  changeUser: async (setting) => ({ params: { user_id: await joined(setting) }, body: { roles: ['operator'] } }),
  removeUser: async (setting) => ({ params: { user_id: await joined(setting) } }),
  createInvitation: async () => ({ body: { email: `${hex()}@example.com`, roles: ['viewer'] } }),
  listInvitations: async (setting) => {
    await invited(setting);
    return {};
  },
  revokeInvitation: async (setting) => ({ params: { invitation_id: (await invited(setting)).id } }),
  acceptInvitation: async (setting) => ({
    body: { token: (await invited(setting)).token, name: setting.mark, password: password() },
  }),

  listRoles: none,
  createApiKey: async ({ mark }) => ({ body: { name: `Key of ${mark}`, scopes: ['agents:read'] } }),
  listApiKeys: async ({ owner, mark }) => {
    await done(owner.post('/api-keys', { name: `Key of ${mark}`, scopes: ['agents:read'] }));
    return {};
  },
  revokeApiKey: async ({ owner, mark }) => {
    const key = await done(owner.post('/api-keys', { name: `Key of ${mark}`, scopes: ['agents:read'] }));
    return { params: { api_key_id: key.id } };
  },
  createTicket: async (setting) => {
    const { id } = await makeDiscussion(setting);
    // A ticket says who its owner is, not what it opens: the stream itself refuses whoever may not see it.
    return { body: { path: `${setting.world.prefix}/discussions/${id}/events` } };
  },

  listAuditLog: async ({ owner, world, mark }) => {
    for (const n of [1, 2])
      await done(owner.post('/api-keys', { name: `Key ${n} of ${mark}`, scopes: ['agents:read'] }));
    await world.settle();
    return {};
  },
  verifyAuditLog: none,

  listGenerations: generated,
  getGeneration: async (setting) => {
    const { query } = await generated(setting);
    const { items } = await done(setting.owner.get(`/generations?agent_id=${query?.agent_id}`));
    return { params: { generation_id: items[0].id } };
  },
  listProviders: none,
  putProvider: async () => ({ params: { name: 'openai' }, body: { api_key: `sk-${hex()}` }, foreign: [200] }),
  deleteProvider: async ({ owner }) => {
    await done(owner.put('/providers/anthropic', { api_key: `sk-${hex()}` }));
    return { params: { name: 'anthropic' } };
  },
  getDefaultModel: none,
  setDefaultModel: async () => ({ body: { model: 'rehearsal' } }),

  createDocument: async ({ mark }) => ({ body: documentBody(mark) }),
  listDocuments: async ({ owner, mark }) => {
    await makeDocument(owner, mark);
    return { query: { q: mark } };
  },
  getDocument: ofDocument(),
  changeDocument: ofDocument(async ({ owner, mark }, id) => ({
    body: { title: `Again ${mark}` },
    headers: await withVersion(owner, `/documents/${id}`),
  })),
  createProduct: async ({ mark }) => ({ body: productBody(mark) }),
  listProducts: async ({ owner, mark }) => {
    await makeProduct(owner, mark);
    return { query: { query: mark, in_stock: 'true', sort: 'price' } };
  },
  getProduct: ofProduct(),
  changeProduct: ofProduct({ body: { stock_change: 5 } }),
  archiveProduct: ofProduct(),

  createOrder: async (setting) => ({ body: await orderBody(setting), headers: keyed(), foreign: [422] }),
  listOrders: async (setting) => {
    await makeOrder(setting);
    await makeOrder(setting);
    return {};
  },
  getOrder: ofOrder(),
  followOrder: ofOrder(),
  cancelOrder: ofOrder({ body: { reason: 'by mistake' } }),
  fulfilOrder: ofOrder({ body: { tracking: 'DX-1' } }),
  payOrder: ofOrder(),

  deleteDocument: ofDocument(async ({ owner }, id) => ({ headers: await withVersion(owner, `/documents/${id}`) })),

  createAgent: async ({ mark }) => ({ body: agentBody(mark) }),
  listAgents: async ({ owner, mark }) => {
    await makeAgent(owner, mark);
    return {};
  },
  getAgent: ofAgent(),
  changeAgent: ofAgent(async ({ owner, mark }, id) => ({
    body: { instructions: `Once more ${mark}` },
    headers: await withVersion(owner, `/agents/${id}`),
  })),
  deleteAgent: ofAgent(async ({ owner }, id) => ({ headers: await withVersion(owner, `/agents/${id}`) })),
  archiveAgent: ofAgent(),
  restoreAgent: ofAgent(async ({ owner }, id) => {
    await done(owner.post(`/agents/${id}/archive`));
    return {};
  }),
  invokeAgent: ofAgent(async ({ owner, mark }) => ({
    body: { input: `Speak of ${mark}`, context: [{ document_id: (await makeDocument(owner, mark)).id }] },
  })),
  streamAgent: ofAgent(({ mark }) => ({ body: { input: `Speak of ${mark}` } })),

  createDiscussion: async (setting) => ({ body: await discussionBody(setting), foreign: [404, 422] }),
  listDiscussions: async (setting) => {
    await makeDiscussion(setting);
    await makeDiscussion(setting);
    return {};
  },
  getDiscussion: ofDiscussion(),
  listTurns: ofDiscussion(runningDiscussion),
  getDiscussionMemory: ofDiscussion(),
  getTurnContext: async (setting) => ({
    params: { discussion_id: (await runningDiscussion(setting)).id, turn: '1' },
  }),
  followDiscussion: ofDiscussion(),
  postMessage: ofDiscussion(runningDiscussion, { body: { content: 'I say something.' } }),
  listMessages: async (setting) => {
    const { id } = await runningDiscussion(setting);
    for (const n of [1, 2])
      await done(setting.owner.post(`/discussions/${id}/messages`, { content: `Word ${n} about ${setting.mark}` }));
    return { params: { discussion_id: id } };
  },
  issueSeatKey: async (setting) => ({ params: await makeSeat(setting) }),
  revokeSeatKey: async (setting) => {
    const params = await makeSeat(setting);
    await done(
      setting.owner.post(`/discussions/${params.discussion_id}/participants/${params.participant_id}/key`, {}),
    );
    return { params };
  },
  claimTurn: async (setting) => ({ params: { discussion_id: (await runningDiscussion(setting)).id, turn: '2' } }),
  pauseDiscussion: ofDiscussion(runningDiscussion),
  resumeDiscussion: ofDiscussion(),
  cancelDiscussion: ofDiscussion(),
  advanceDiscussion: ofDiscussion(runningDiscussion),
  exportDiscussion: ofDiscussion(runningDiscussion),
  forkDiscussion: ofDiscussion(runningDiscussion, { body: { seq: 1, start: false } }),

  createWebhook: async ({ mark }) => ({ body: webhookBody(mark) }),
  listWebhooks: async (setting) => {
    await makeWebhook(setting);
    await makeWebhook(setting);
    return {};
  },
  getWebhook: ofWebhook(),
  changeWebhook: ofWebhook(async ({ owner, mark }, id) => ({
    body: { description: `Again ${mark}` },
    headers: await withVersion(owner, `/webhooks/${id}`),
  })),
  deleteWebhook: ofWebhook(),
  enableWebhook: ofWebhook(),
  rotateWebhookSecret: ofWebhook(),
  replayWebhook: async (setting) => {
    const { id } = await makeWebhook(setting, { types: ['webhook_changed'] });
    await setting.world.settle();
    const { cursor: from } = await done(setting.owner.get('/events'));
    // What it sends again is that it was turned on, and nothing else.
    await done(setting.owner.post(`/webhooks/${id}/enable`));
    await setting.world.settle();
    const { cursor: to } = await done(setting.owner.get('/events'));
    return { params: { webhook_id: id }, body: { from, to } };
  },
  testWebhook: ofWebhook(async () => ({ body: { type: 'agent_registered' } })),
  listWebhookDeliveries: async (setting) => {
    const { params } = await ofDelivery(setting);
    await done(setting.owner.post(`/webhooks/${params?.webhook_id}/test`, {}));
    return { params: { webhook_id: params?.webhook_id ?? '' } };
  },
  getWebhookDelivery: ofDelivery,
  retryWebhookDelivery: ofDelivery,

  listEvents: async ({ owner, world, mark }) => {
    for (const n of [1, 2])
      await done(owner.post('/api-keys', { name: `Key ${n} of ${mark}`, scopes: ['agents:read'] }));
    await world.settle();
    return {};
  },
  getEvent: async ({ owner, world, mark }) => {
    await makeAgent(owner, mark);
    await world.settle();
    const { items } = await done(owner.get('/events?type=agent_registered&limit=1'));
    return { params: { event_id: items[0].id } };
  },
  followEvents: none,
  getStreams: none,
  getSystem: none,
  listDeadLetters: async (setting) => {
    await deadLetter(setting);
    await deadLetter(setting);
    return {};
  },
  getDeadLetter: ofDeadLetter,
  requeueDeadLetter: ofDeadLetter,
  requeueDeadLetters: async (setting) => {
    await deadLetter(setting);
    return { body: { source: 'event' } };
  },
  discardDeadLetter: ofDeadLetter,
  discardDeadLetters: async (setting) => ({
    body: { ids: [await deadLetter(setting), await deadLetter(setting)] },
  }),

  createChatCompletion: async ({ owner, mark }) => {
    const { name } = await makeAgent(owner, mark);
    return { body: { model: `agent:${name}`, messages: [{ role: 'user', content: `About ${mark}` }] }, foreign: [404] };
  },
  listModels: async ({ owner, mark }) => {
    await makeAgent(owner, mark);
    return {};
  },
  getModel: async ({ owner, mark }) => ({ params: { model_id: `agent:${(await makeAgent(owner, mark)).name}` } }),
};
