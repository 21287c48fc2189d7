import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Frame, follow, makeAgents } from '../../support/discussions.ts';
import { createWorld, type Member, type World } from '../../support/world.ts';
import { casesOf } from './files.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.stop());

type Refusal = { name: string; method: 'GET' | 'POST'; path: string; body?: unknown; status: number; answer: Answered };
type Answered = { error: { code: string; type: string; details: unknown } };

suite('validation.json: which fields and rules a bad request breaks', () => {
  let owner: Member;
  before(async () => {
    owner = await world.signUp();
  });
  for (const { name, method, path, body, status, answer } of casesOf<Refusal>('validation'))
    test(name, async () => {
      const got = method === 'GET' ? await owner.get(path) : await owner.post(path, body);
      const { code, type, details } = got.body.error;
      const { error } = answer;
      assert.deepEqual(
        [got.status, { code, type, details }],
        [status, { code: error.code, type: error.type, details: error.details }],
      );
    });
});

type Page = { items: number[]; next_cursor?: string | null; total?: number; page?: number; page_size?: number };
type Paging = {
  name: string;
  list: 'agents' | 'messages';
  items: number;
  exchanges: { query: Record<string, string>; answer: Page }[];
};

suite('paging.json: how a list is read to its end', () => {
  for (const { name, list, items, exchanges } of casesOf<Paging>('paging'))
    test(name, async () => {
      const me = await world.signUp();
      const { path, numberOf } = await (list === 'agents' ? agents(me, items) : messages(me, items));
      const cursors = new Map<string, string>();
      for (const { query, answer } of exchanges) {
        const asked = Object.entries(query).map(([key, value]) => [key, cursors.get(value) ?? value] as const);
        const { status, body } = await me.get(`${path}?${new URLSearchParams(asked.map(([k, v]) => [k, v]))}`);
        assert.equal(status, 200);
        if (typeof answer.next_cursor === 'string') {
          assert.equal(typeof body.next_cursor, 'string');
          cursors.set(answer.next_cursor, body.next_cursor);
        }
        const { next_cursor: _, ...rest } = answer;
        const got = Object.fromEntries(Object.keys(rest).map((key) => [key, body[key]]));
        assert.deepEqual({ ...got, items: body.items.map(numberOf) }, rest);
        if (answer.next_cursor === null) assert.equal(body.next_cursor, null);
      }
    });
});

type Listed = { path: string; numberOf(item: { name: string; seq: number }): number };

async function agents(me: Member, count: number): Promise<Listed> {
  await makeAgents(
    me,
    Array.from({ length: count }, (_, index) => `agent-${index + 1}`),
  );
  return { path: '/agents', numberOf: ({ name }) => Number(name.slice('agent-'.length)) };
}

async function messages(me: Member, count: number): Promise<Listed> {
  const asked = { topic: 'Pages', participants: [{ user_id: me.userId }], start: false };
  const { body } = await me.post('/discussions', asked);
  for (let seq = 1; seq <= count; seq++) await me.post(`/discussions/${body.id}/messages`, { content: `${seq}` });
  return { path: `/discussions/${body.id}/messages`, numberOf: ({ seq }) => seq };
}

type Resume = {
  name: string;
  client_only?: true;
  connections: { last_event_id: number; sends?: number[]; then?: string }[];
};

suite('resume.json: what comes after the last event', () => {
  let me: Member;
  let id: string;
  /** Of a discussion that has ended: the cursor before it, and then one for each event. */
  let places: string[];
  before(async () => {
    me = await world.signUp();
    const [agent] = await makeAgents(me, ['ada']);
    const participants = [{ agent_id: agent?.id }];
    const { body } = await me.post('/discussions', { topic: 'Again', participants, limits: { max_turns: 2 } });
    id = body.id;
    const all = await sentAfter(body.cursor, ({ event }) => event === 'discussion_completed');
    places = [body.cursor, ...all];
  });

  async function sentAfter(cursor: string, enough: (frame: Frame, at: number) => boolean): Promise<string[]> {
    const stream = await follow(me, id, { lastEventId: cursor });
    let seen = 0;
    await stream.until((frame) => frame.id !== undefined && enough(frame, ++seen));
    stream.close();
    return stream.frames.flatMap((frame) => frame.id ?? []);
  }

  for (const { name, client_only, connections } of casesOf<Resume>('resume')) {
    if (client_only) continue;
    test(name, async () => {
      for (const { last_event_id: last, sends = [] } of connections) {
        if (sends.length === 0) continue;
        const got = await sentAfter(places[last] as string, (_, at) => at === sends.length);
        assert.deepEqual(
          got.slice(0, sends.length),
          sends.map((place) => places[place]),
        );
      }
    });
  }
});
