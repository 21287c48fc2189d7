import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Parley, ParleyError } from '../src/index.ts';
import { error, scripted } from './server.ts';

type Call = (parley: Parley) => PromiseLike<unknown> | AsyncIterable<unknown>;

/** How each operation of the API is called. A new route needs a method of the SDK and a line here. */
const CALLS: Readonly<Record<string, Call>> = {
  getHealth: (parley) => parley.system.health(),
  getReadiness: (parley) => parley.system.readiness(),
  getJwks: (parley) => parley.system.jwks(),
  getSystem: (parley) => parley.system.get(),

  register: (parley) => parley.auth.signUp({ email: 'a@b.c', password: 'p', name: 'n', tenant_name: 't' }),
  token: (parley) => parley.auth.signIn({ email: 'a@b.c', password: 'p' }),
  revokeToken: (parley) => parley.auth.signOut(),
  getMe: (parley) => parley.auth.me(),
  listSessions: (parley) => parley.auth.sessions(),
  revokeSession: (parley) => parley.auth.revokeSession('~1'),
  changePassword: (parley) => parley.auth.changePassword({ current_password: 'p', new_password: 'q' }),
  acceptInvitation: (parley) => parley.auth.acceptInvitation({ token: 't', password: 'p' }),
  openSocket: (parley) => {
    const onConnection = ({ state }: { state: string }) => void (state === 'reconnecting' && socket.close());
    const socket = parley.connect({ onConnection });
    return socket.subscribe('*');
  },
  createTicket: (parley) => parley.auth.ticket('/api/v1/events/stream'),

  listUsers: (parley) => parley.users.list(),
  changeUser: (parley) => parley.users.setRoles('~1', ['viewer']),
  removeUser: (parley) => parley.users.remove('~1'),
  listInvitations: (parley) => parley.invitations.list(),
  createInvitation: (parley) => parley.invitations.create({ email: 'a@b.c', roles: ['viewer'] }),
  revokeInvitation: (parley) => parley.invitations.revoke('~1'),
  listRoles: (parley) => parley.roles.list(),
  listApiKeys: (parley) => parley.apiKeys.list(),
  createApiKey: (parley) => parley.apiKeys.create({ name: 'k', scopes: [] }),
  revokeApiKey: (parley) => parley.apiKeys.revoke('~1'),

  listAuditLog: (parley) => parley.auditLog.list(),
  verifyAuditLog: (parley) => parley.auditLog.verify(),
  listEvents: (parley) => parley.events.list(),
  followEvents: (parley) => parley.events.follow({ types: ['agent_changed'] }),
  listDeadLetters: (parley) => parley.deadLetters.list(),
  getDeadLetter: (parley) => parley.deadLetters.get('~1'),
  discardDeadLetter: (parley) => parley.deadLetters.discard('~1'),
  requeueDeadLetter: (parley) => parley.deadLetters.requeue('~1'),
  requeueDeadLetters: (parley) => parley.deadLetters.requeueAll(),
  discardDeadLetters: (parley) => parley.deadLetters.discardAll({ all: true }),
  getEvent: (parley) => parley.events.get('~1'),
  getStreams: (parley) => parley.system.streams(),

  listWebhooks: (parley) => parley.webhooks.list(),
  createWebhook: (parley) => parley.webhooks.create({ url: 'https://example.com/' }),
  getWebhook: (parley) => parley.webhooks.get('~1'),
  changeWebhook: (parley) => parley.webhooks.update('~1', { enabled: false }, { version: 1 }),
  deleteWebhook: (parley) => parley.webhooks.delete('~1'),
  enableWebhook: (parley) => parley.webhooks.enable('~1'),
  rotateWebhookSecret: (parley) => parley.webhooks.rotate('~1'),
  replayWebhook: (parley) => parley.webhooks.replay('~1', { from: 'e.1' }),
  testWebhook: (parley) => parley.webhooks.test('~1'),
  listWebhookDeliveries: (parley) => parley.webhooks.deliveries('~1'),
  getWebhookDelivery: (parley) => parley.webhooks.delivery('~1', '~1'),
  retryWebhookDelivery: (parley) => parley.webhooks.retry('~1', '~1'),

  listModels: (parley) => parley.models.list(),
  getModel: (parley) => parley.models.get('~1'),
  getDefaultModel: (parley) => parley.models.getDefault(),
  setDefaultModel: (parley) => parley.models.setDefault('rehearsal'),
  createChatCompletion: (parley) => parley.chat.complete({ messages: [{ role: 'user', content: 'Hi' }] }),
  listProviders: (parley) => parley.providers.list(),
  putProvider: (parley) => parley.providers.set('~1', { kind: 'openai', api_key: 'k' }),
  deleteProvider: (parley) => parley.providers.delete('~1'),
  listGenerations: (parley) => parley.generations.list(),
  getGeneration: (parley) => parley.generations.get('~1'),

  listDocuments: (parley) => parley.documents.list(),
  createDocument: (parley) => parley.documents.create({ title: 't', text: 't' }),
  getDocument: (parley) => parley.documents.get('~1'),
  changeDocument: (parley) => parley.documents.update('~1', { title: 't' }, { version: 1 }),
  deleteDocument: (parley) => parley.documents.delete('~1'),

  listProducts: (parley) => parley.products.list(),
  createProduct: (parley) => parley.products.create({ name: 't', price: { amount: 1, currency: 'EUR' } }),
  getProduct: (parley) => parley.products.get('~1'),
  changeProduct: (parley) => parley.products.update('~1', { stock: 3 }),
  archiveProduct: (parley) => parley.products.archive('~1'),
  listOrders: (parley) => parley.orders.list(),
  createOrder: (parley) => parley.orders.create({ lines: [{ product_id: '~1', quantity: 1 }] }),
  getOrder: (parley) => parley.orders.get('~1'),
  followOrder: (parley) => parley.orders.events('~1'),
  cancelOrder: (parley) => parley.orders.cancel('~1', { reason: 'r' }),
  fulfilOrder: (parley) => parley.orders.fulfil('~1', { tracking: 't' }),
  payOrder: (parley) => parley.orders.pay('~1'),

  listAgents: (parley) => parley.agents.list(),
  createAgent: (parley) => parley.agents.create({ name: 'a' }),
  getAgent: (parley) => parley.agents.get('~1'),
  changeAgent: (parley) => parley.agents.update('~1', { name: 'b' }, { version: 1 }),
  deleteAgent: (parley) => parley.agents.delete('~1'),
  archiveAgent: (parley) => parley.agents.archive('~1'),
  restoreAgent: (parley) => parley.agents.restore('~1'),
  invokeAgent: (parley) => parley.agents.invoke('~1', { input: 'Hi' }),
  streamAgent: (parley) => parley.agents.stream('~1', { input: 'Hi' }),

  listDiscussions: (parley) => parley.discussions.list(),
  createDiscussion: (parley) => parley.discussions.create({ topic: 't', participants: [{ agent_id: '~1' }] }),
  getDiscussion: (parley) => parley.discussions.get('~1'),
  followDiscussion: (parley) => parley.discussions.events('~1'),
  listMessages: (parley) => parley.discussions.messages('~1'),
  postMessage: (parley) => parley.discussions.post('~1', { content: 'Hi' }),
  getTurnContext: (parley) => parley.discussions.context('~1', 3),
  getDiscussionMemory: (parley) => parley.discussions.memory('~1'),
  listTurns: (parley) => parley.discussions.turns('~1'),
  pauseDiscussion: (parley) => parley.discussions.pause('~1'),
  resumeDiscussion: (parley) => parley.discussions.resume('~1'),
  cancelDiscussion: (parley) => parley.discussions.cancel('~1'),
  advanceDiscussion: (parley) => parley.discussions.advance('~1'),
  claimTurn: (parley) => parley.discussions.claim('~1', 1),
  issueSeatKey: (parley) => parley.discussions.issueSeatKey('~1', '~2'),
  revokeSeatKey: (parley) => parley.discussions.revokeSeatKey('~1', '~2'),
  exportDiscussion: (parley) => parley.discussions.export('~1'),
  forkDiscussion: (parley) => parley.discussions.fork('~1', { seq: 1 }),
};

type Contract = { paths: Record<string, Record<string, { operationId?: string }>> };
const file = new URL('../../../contracts/openapi.json', import.meta.url);
const { paths } = JSON.parse(readFileSync(file, 'utf8')) as Contract;
const operations = new Map(
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId }]) =>
      operationId === undefined ? [] : [[operationId, { method: method.toUpperCase(), path }] as const],
    ),
  ),
);

test('every operation of the API has a method of the SDK, and every line here an operation', () => {
  const without = [...operations.keys()].filter((id) => !(id in CALLS));
  const unknown = Object.keys(CALLS).filter((id) => !operations.has(id));
  assert.deepEqual({ without, unknown }, { without: [], unknown: [] });
});

test('each method sends what the contract names: its verb and its path', async (t) => {
  const { baseUrl, seen } = await scripted(t, [error(404, 'not_found', { type: 'not_found' })]);
  // Its own client for each: a session that one leaves behind is none of the next one's.
  for (const [id, { method, path }] of operations) {
    const call = CALLS[id]?.(new Parley({ baseUrl, maxRetries: 0 }));
    assert(call, id);
    const before = seen.length;
    await drain(call).catch((problem: unknown) => assert(problem instanceof ParleyError, String(problem)));
    assert.equal(seen.length, before + 1, `${id} sends one request`);
    const sent = new URL(seen[before]?.url ?? '', baseUrl).pathname;
    const wanted = path.split('/').map((part) => (part.startsWith('{') ? /^(~|%7E)?\d$/ : part));
    const parts = sent.split('/');
    const fits =
      parts.length === wanted.length &&
      wanted.every((part, at) => (typeof part === 'string' ? part === parts[at] : part.test(parts[at] as string)));
    assert.deepEqual([seen[before]?.method, fits ? path : sent], [method, path], id);
  }
});

async function drain(call: ReturnType<Call>): Promise<void> {
  if ('then' in call) await call;
  else for await (const _ of call);
}
