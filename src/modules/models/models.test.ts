import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { freePort } from '../../../scripts/testing/port.ts';
import { serverWith } from '../../../test/support/http.ts';
import { anthropicProtocol } from '../../../test/support/providers/anthropic.ts';
import { googleProtocol } from '../../../test/support/providers/google.ts';
import { openaiProtocol } from '../../../test/support/providers/openai.ts';
import { StandIn } from '../../../test/support/providers/stand-in.ts';
import { type ModelsWorld, modelsWorld } from '../../../test/support/providers/world.ts';
import { PERMISSIONS, type Permission } from '../../platform/auth/permissions.ts';
import type { Ctx } from '../../platform/context.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Module } from '../../platform/module.ts';
import type { Models } from './index.ts';
import { holdsConversations, parseModelId } from './rules.ts';

let world: ModelsWorld;
before(async () => {
  world = await modelsWorld();
});
after(() => world.close());

const messages = [{ role: 'user' as const, content: 'Hello?' }];
const chat = { purpose: { kind: 'chat' as const }, messages };

/** A tenant, and its way to the routes of a models module. */
async function tenantAt(models: Models & Module, tenantId?: string) {
  const id = tenantId ?? (await world.makeTenant());
  const server = await serverWith({
    db: world.db,
    secrets: world.secrets,
    register: [(router) => models.routes?.(router), (router) => world.traces.routes?.(router)],
    authenticate: async ({ authorization }) => {
      const name = authorization ?? 'all';
      const permissions = new Set(name === 'all' ? PERMISSIONS : (name.split(',') as Permission[]));
      const actor = { kind: 'api_key' as const, id: '01920000-0000-7000-8000-000000000003' };
      return { tenantId: id, actor, roles: [], permissions, expiresAtMs: undefined };
    },
  });
  const call = async (method: 'GET' | 'PUT' | 'DELETE', url: string, body?: object, authorization = 'all') => {
    const response = await server.app.inject({
      method,
      url: `/api/v1${url}`,
      headers: { authorization },
      ...(body && { payload: body }),
    });
    return {
      status: response.statusCode,
      body: response.body === '' ? undefined : response.json(),
      text: response.body,
    };
  };
  return { id, ctx: world.ctx(id), call, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

test('a key is kept sealed, shown by its last four, used, kept when it is not given again, and forgotten', async () => {
  await using standIn = await StandIn.start(openaiProtocol);
  const models = world.models({ allow: [`127.0.0.1:${standIn.port}`] });
  await using tenant = await tenantAt(models);
  const put = await tenant.call('PUT', '/providers/openai', {
    api_key: 'sk-canary-0042',
    base_url: `${standIn.baseUrl}/`,
  });
  assert.equal(put.status, 200);
  assert.deepEqual(
    { ...put.body, updated_at: '' },
    {
      name: 'openai',
      kind: 'openai',
      base_url: standIn.baseUrl,
      source: 'tenant',
      api_key_set: true,
      api_key_last4: '0042',
      updated_at: '',
    },
  );
  const rows = await world.db.reader(tenant.ctx).all(sql`select t::text as row from model_providers t`);
  assert.doesNotMatch(JSON.stringify(rows), /canary/);
  const list = await tenant.call('GET', '/providers');
  assert.doesNotMatch(list.text, /canary/);

  assert.equal((await models.stream(tenant.ctx, { ...chat, model: 'openai/gpt-5' }).result).text, 'Hello, world.');
  assert.equal(standIn.received[0]?.headers.authorization, 'Bearer sk-canary-0042');

  assert.equal((await tenant.call('PUT', '/providers/openai', {})).body.api_key_last4, '0042');
  const moved = await tenant.call('PUT', '/providers/openai', { base_url: 'https://elsewhere.example/v1' });
  assert.deepEqual([moved.status, moved.body.error.details.fields[0].field], [422, 'api_key']);
  const home = await tenant.call('PUT', '/providers/openai', { base_url: null });
  assert.equal(home.status, 422);
  assert.equal((await tenant.call('GET', '/providers')).body.items[0].base_url, standIn.baseUrl);

  assert.equal((await tenant.call('DELETE', '/providers/openai')).status, 204);
  const announced = world.events.filter(({ type, tenantId }) => type === 'provider_changed' && tenantId === tenant.id);
  const facts = announced.map(({ data }) => data as { change: string; key_changed: boolean; host: string });
  assert.deepEqual(
    facts.map(({ change, key_changed, host }) => [change, key_changed, host]),
    [
      ['set', true, `127.0.0.1:${standIn.port}`],
      ['set', false, `127.0.0.1:${standIn.port}`],
      ['removed', true, `127.0.0.1:${standIn.port}`],
    ],
  );
  assert.doesNotMatch(JSON.stringify(announced), /canary/);
  assert.equal((await tenant.call('DELETE', '/providers/openai')).status, 404);
  assert.equal(await code(models.stream(tenant.ctx, { ...chat, model: 'openai/gpt-5' }).result), 'model_not_found');
});

test('a provider of one tenant is nobody else’s', async () => {
  const models = world.models();
  await using one = await tenantAt(models);
  await using other = await tenantAt(models);
  await one.call('PUT', '/providers/anthropic', { api_key: 'sk-ant-12345' });
  assert.deepEqual((await other.call('GET', '/providers')).body.items, []);
  assert.equal((await other.call('DELETE', '/providers/anthropic')).status, 404);
  assert.equal((await one.call('GET', '/providers')).body.items.length, 1);
});

const WRONG: [string, object, string][] = [
  ['openai', {}, 'api_key'],
  ['openai', { api_key: null }, 'api_key'],
  ['openai', { api_key: 'has a space' }, 'api_key'],
  ['openai', { api_key: 'x'.repeat(513) }, 'api_key'],
  ['openai', { api_key: 'sk-12345', kind: 'google' }, 'kind'],
  ['mine', { api_key: 'sk-12345' }, 'base_url'],
  ['mine', { base_url: 'http://127.0.0.1:1234/v1' }, 'base_url'],
  ['mine', { base_url: 'http://169.254.169.254/v1' }, 'base_url'],
  ['mine', { base_url: 'http://2130706433/v1' }, 'base_url'],
  ['mine', { base_url: 'https://user:secret@example.com/v1' }, 'base_url'],
  ['mine', { base_url: 'https://example.com:8443/v1' }, 'base_url'],
  ['mine', { base_url: 'https://example.com/v1?key=1' }, 'base_url'],
  ['mine', { base_url: 'file:///etc/passwd' }, 'base_url'],
  ['mine', { base_url: 'https://example.com/v1', unknown: 1 }, 'unknown'],
  ['local', { base_url: 'https://example.com/v1' }, 'name'],
  ['agent', { base_url: 'https://example.com/v1' }, 'name'],
  ['Upper', { base_url: 'https://example.com/v1' }, 'name'],
  ['-', { base_url: 'https://example.com/v1' }, 'name'],
];
test('what cannot be a provider is refused, with the field named', async () => {
  await using tenant = await tenantAt(world.models());
  for (const [name, body, field] of WRONG) {
    const answer = await tenant.call('PUT', `/providers/${name}`, body);
    assert.equal(answer.status, 422, `${name} ${JSON.stringify(body)} ${answer.text}`);
    assert.ok(
      answer.body.error.details.fields.some((fault: { field: string }) => fault.field === field),
      answer.text,
    );
  }
  assert.deepEqual((await tenant.call('GET', '/providers')).body.items, []);
});

test('a tenant has fifty providers at most', async () => {
  await using tenant = await tenantAt(world.models());
  for (let n = 0; n < 50; n++) {
    const { status } = await tenant.call('PUT', `/providers/p${n}`, { base_url: 'https://example.com/v1' });
    assert.equal(status, 200);
  }
  const answer = await tenant.call('PUT', '/providers/p50', { base_url: 'https://example.com/v1' });
  assert.deepEqual([answer.status, answer.body.error.code], [422, 'limit_reached']);
  assert.equal((await tenant.call('PUT', '/providers/p7', { base_url: 'https://example.com/v2' })).status, 200);
});

test('a tenant’s address that resolves to a private one is refused when it is called', async () => {
  const models = world.models();
  await using tenant = await tenantAt(models);
  // A public name for loopback: what such a name resolves to is only known when it is asked.
  const put = await tenant.call('PUT', '/providers/mine', { base_url: 'http://localtest.example/v1' });
  assert.equal(put.status, 200);
  const failed = models.stream(tenant.ctx, { ...chat, model: 'mine/x' }).result;
  assert.match(await code(failed), /model_(?:unavailable|refused)/);
});

test('without anything configured, the rehearsal answers, and says what it is', async () => {
  const models = world.models();
  await using tenant = await tenantAt(models);
  assert.deepEqual((await tenant.call('GET', '/models/default')).body, { model: null, effective: 'rehearsal' });
  const result = await models.stream(tenant.ctx, { ...chat, model: undefined }).result;
  assert.deepEqual([result.model, result.rehearsal, result.costNanoUsd], ['rehearsal', true, 0]);
  assert.deepEqual(await models.list(tenant.ctx), [{ id: 'rehearsal', provider: 'rehearsal', rehearsal: true }]);
});

test('the automatic choice: own providers, the operator’s, a server on this machine, the rehearsal', async () => {
  await using openai = await StandIn.start(openaiProtocol);
  await using google = await StandIn.start(googleProtocol);
  await using ollama = await StandIn.start({
    ...openaiProtocol,
    models: ['llama3.2'],
    listBody: () => ({ data: [{ id: 'nomic-embed-text' }, { id: 'llama3.2' }] }),
  });
  const allow = ['127.0.0.1'];
  const effective = async (models: Models & Module, tenantId?: string) => {
    await using tenant = await tenantAt(models, tenantId);
    return (await tenant.call('GET', '/models/default')).body.effective as string;
  };
  const local = { localPorts: [1, ollama.port] };
  assert.equal(await effective(world.models(local)), 'local/llama3.2');
  const operator = { providers: { google: { apiKey: 'g', baseUrl: google.baseUrl } }, ...local };
  assert.equal(await effective(world.models(operator)), 'google/gemini-2.5-flash');
  const models = world.models({ ...operator, allow });
  await using tenant = await tenantAt(models);
  await tenant.call('PUT', '/providers/zeta', { base_url: openai.baseUrl });
  assert.equal(await effective(models, tenant.id), 'zeta/gpt-5-mini');
  await tenant.call('PUT', '/providers/openai', { base_url: openai.baseUrl, api_key: 'sk-12345' });
  assert.equal(await effective(models, tenant.id), 'openai/gpt-5-mini');
  const ids = (await models.list(tenant.ctx)).map(({ id }) => id);
  assert.deepEqual(ids, [
    ...['openai/gpt-5-mini', 'openai/gpt-5', 'zeta/gpt-5-mini', 'zeta/gpt-5'],
    ...['google/gemini-2.5-flash', 'google/gemini-2.5-pro', 'local/llama3.2', 'rehearsal'],
  ]);
});

test('a default that was chosen stays, until it is taken back', async () => {
  const models = world.models({ providers: { anthropic: { apiKey: 'a', baseUrl: 'http://127.0.0.1:1/v1' } } });
  await using tenant = await tenantAt(models);
  const put = (model: string | null) => tenant.call('PUT', '/models/default', { model });
  assert.deepEqual((await put('rehearsal')).body, { model: 'rehearsal', effective: 'rehearsal' });
  assert.equal((await models.stream(tenant.ctx, { ...chat, model: undefined }).result).model, 'rehearsal');
  assert.equal((await put('anthropic/claude-sonnet-4-5')).body.effective, 'anthropic/claude-sonnet-4-5');
  assert.equal((await put('openai/gpt-5')).status, 404);
  assert.equal((await put('agent:ada')).status, 422);
  assert.equal((await tenant.call('GET', '/models/default')).body.model, 'anthropic/claude-sonnet-4-5');
  // The provider's list cannot be had: its first preferred model stands in.
  assert.equal((await put(null)).body.effective, 'anthropic/claude-sonnet-5');
});

test('lists of models are asked for once in a while, at the providers’ own addresses', async () => {
  await using openai = await StandIn.start(openaiProtocol);
  await using anthropic = await StandIn.start(anthropicProtocol);
  let now = Date.parse('2026-01-01T00:00:00Z');
  const models = world.models({
    clock: { now: () => new Date(now) },
    providers: {
      openai: { apiKey: 'o', baseUrl: openai.baseUrl },
      anthropic: { apiKey: 'a', baseUrl: anthropic.baseUrl },
    },
  });
  const ctx = world.ctx(await world.makeTenant());
  const expected = [
    'openai/gpt-5-mini',
    'openai/gpt-5',
    'anthropic/claude-sonnet-4-5',
    'anthropic/claude-haiku-4-5',
    'rehearsal',
  ];
  const [first] = await Promise.all([models.list(ctx), models.list(ctx), models.list(ctx)]);
  assert.deepEqual(
    first.map(({ id }) => id),
    expected,
  );
  await models.list(ctx);
  assert.deepEqual([openai.lists, anthropic.lists], [1, 1]);
  now += 6 * 60_000;
  await openai[Symbol.asyncDispose]();
  // The old list serves while a new one is asked for, and goes on serving when that fails.
  assert.deepEqual(
    (await models.list(ctx)).map(({ id }) => id),
    expected,
  );
  assert.deepEqual(
    (await models.list(ctx)).map(({ id }) => id),
    expected,
  );
});

test('a server on this machine is found, used by its models’ names, and shown', async () => {
  await using ollama = await StandIn.start({ ...openaiProtocol, listBody: () => ({ data: [{ id: 'llama3.2:3b' }] }) });
  const models = world.models({ localPorts: [ollama.port] });
  await using tenant = await tenantAt(models);
  const [shown] = (await tenant.call('GET', '/providers')).body.items;
  assert.deepEqual([shown.name, shown.source, shown.api_key_set], ['local', 'local', false]);
  const result = await models.stream(tenant.ctx, { ...chat, model: 'local/llama3.2:3b' }).result;
  assert.deepEqual([result.text, result.provider, result.costNanoUsd], ['Hello, world.', 'local', null]);
  assert.equal(await code(models.stream(tenant.ctx, { ...chat, model: 'local/other' }).result), 'model_not_found');
});

test('a server on this machine that is started later is found without a restart', async () => {
  const port = await freePort();
  let now = Date.parse('2026-01-01T00:00:00Z');
  const models = world.models({ localPorts: [port], clock: { now: () => new Date(now) } });
  const ctx = world.ctx(await world.makeTenant());
  assert.equal(await models.defaultModel(ctx), 'rehearsal');
  await using server = await StandIn.start({ ...openaiProtocol, listBody: () => ({ data: [{ id: 'late' }] }) }, port);
  assert.equal(await models.defaultModel(ctx), 'rehearsal');
  now += 3_001;
  assert.equal(await models.defaultModel(ctx), 'local/late');
  assert.equal(server.lists, 1);
});

test('a port that answers nothing, or something else, is no server of models, and is not waited for', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  await using strange = await StandIn.start({ ...openaiProtocol, listBody: () => ({ data: 'none' }) });
  const models = world.models({ localPorts: [1, strange.port, (silent.address() as AddressInfo).port] });
  const ctx = world.ctx(await world.makeTenant());
  assert.deepEqual(
    (await models.list(ctx)).map(({ id }) => id),
    ['rehearsal'],
  );
  assert.equal(sockets.length, 1);
  silent.close();
  for (const socket of sockets) socket.destroy();
});

test('routes ask for their permissions', async () => {
  await using tenant = await tenantAt(world.models());
  assert.equal((await tenant.call('GET', '/providers', undefined, 'models:read')).status, 403);
  assert.equal((await tenant.call('PUT', '/providers/openai', { api_key: 'sk-12345' }, 'providers:read')).status, 403);
  assert.equal((await tenant.call('PUT', '/models/default', { model: null }, 'models:read')).status, 403);
  assert.equal((await tenant.call('GET', '/generations', undefined, 'models:read')).status, 403);
});

test('generations are listed newest first, page by page, by filter, each tenant its own', async () => {
  const models = world.models();
  await using tenant = await tenantAt(models);
  await using other = await tenantAt(models);
  const ask = (ctx: Ctx, agentId?: string) =>
    models.stream(ctx, { messages, model: 'rehearsal', purpose: { kind: 'agent', ...(agentId && { agentId }) } })
      .result;
  const agentId = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0a01';
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.unshift((await ask(tenant.ctx, n % 2 === 0 ? agentId : undefined)).generationId);
  await ask(other.ctx, agentId);

  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await tenant.call('GET', `/generations?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`);
    seen.push(...page.body.items.map(({ id }: { id: string }) => id));
    cursor = page.body.next_cursor;
  } while (cursor !== null);
  assert.deepEqual(seen, ids);

  const ofAgent = (await tenant.call('GET', `/generations?agent_id=${agentId}&status=succeeded&model=rehearsal`)).body;
  assert.deepEqual(
    ofAgent.items.map(({ id }: { id: string }) => id),
    [ids[0], ids[2], ids[4]],
  );
  assert.deepEqual((await tenant.call('GET', '/generations?status=failed')).body.items, []);
  assert.equal((await tenant.call('GET', '/generations?status=lost')).status, 422);
  const { next_cursor: foreign } = (await tenant.call('GET', '/generations?limit=1')).body;
  assert.equal((await other.call('GET', `/generations?limit=1&cursor=${foreign}`)).status, 400);
  assert.equal((await tenant.call('GET', `/generations?limit=1&status=failed&cursor=${foreign}`)).status, 400);

  const one = await tenant.call('GET', `/generations/${ids[0]}`);
  assert.deepEqual([one.body.rehearsal, one.body.cost_nano_usd, one.body.kind], [true, 0, 'agent']);
  assert.equal((await other.call('GET', `/generations/${ids[0]}`)).status, 404);
});

test('a generation whose record cannot be written is given all the same', async () => {
  const models = world.models();
  // A tenant that is not there: the record's foreign key fails.
  const ctx = world.ctx('01920000-0000-7000-8000-00000000dead');
  assert.equal((await models.stream(ctx, { ...chat, model: 'rehearsal' }).result).model, 'rehearsal');
});

test('ids of models are a provider, a slash, and anything', () => {
  assert.deepEqual(parseModelId('openai/gpt-5'), { provider: 'openai', model: 'gpt-5' });
  assert.deepEqual(parseModelId('hub/meta/llama:3'), { provider: 'hub', model: 'meta/llama:3' });
  for (const id of ['openai', 'openai/', '/gpt', '']) assert.equal(parseModelId(id), undefined);
});

test('models that do not hold conversations are left out of the lists', () => {
  for (const model of [
    'text-embedding-3-small',
    'tts-1',
    'whisper-1',
    'gpt-5-codex',
    'gpt-5-pro',
    'dall-e-3',
    'gpt-4o-realtime-preview',
    'omni-moderation-latest',
    'sora-2',
  ]) {
    assert.equal(holdsConversations('openai', model), false, model);
  }
  for (const model of ['gpt-5', 'gpt-5-mini', 'gpt-4o', 'o4-mini', 'gpt-5.4'])
    assert.equal(holdsConversations('openai', model), true, model);
  for (const model of ['gemini-2.5-pro', 'gemini-3.1-pro-preview', 'gemini-2.5-flash'])
    assert.equal(holdsConversations('google', model), true, model);
  for (const model of ['gemini-embedding-001', 'gemini-2.5-flash-image', 'gemini-2.5-pro-preview-tts', 'imagen-4'])
    assert.equal(holdsConversations('google', model), false, model);
});

test('generations are counted by provider and outcome, and tenants’ own names are no labels', async () => {
  await using standIn = await StandIn.start(openaiProtocol);
  const models = world.models({ allow: ['127.0.0.1'] });
  await using tenant = await tenantAt(models);
  await tenant.call('PUT', '/providers/ours', { base_url: standIn.baseUrl });
  standIn.script({ does: 'answer', usage: { input: 30, output: 5 } }, { does: 'refuse', why: 'wrong_key' });
  await models.stream(tenant.ctx, { ...chat, model: 'ours/x' }).result;
  await code(models.stream(tenant.ctx, { ...chat, model: 'ours/x' }).result);
  const text = (await world.metrics.at(-1)?.text()) ?? '';
  assert.match(text, /model_generations_total\{provider="other",outcome="succeeded"\} 1/);
  assert.match(text, /model_generations_total\{provider="other",outcome="model_authentication"\} 1/);
  assert.match(text, /model_tokens_total\{provider="other",direction="input"\} 30/);
  assert.match(text, /model_first_token_seconds_count\{provider="other"\} 1/);
  assert.doesNotMatch(text, /ours/);
});
