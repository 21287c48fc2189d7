import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EventSource } from 'eventsource';
import { follow, makeAgents } from '../support/discussions.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { noBrowser, openBrowser, openPage } from './support.ts';

let world: World;
let me: Member;
before(async () => {
  world = await createWorld();
  me = await world.signUp();
});
after(() => world.stop());

const TYPES = ['discussion_started', 'turn_started', 'message_posted', 'discussion_completed'];
const LAST = 'discussion_completed';

/** A discussion that has run to its end, and every event of it as one uninterrupted stream tells them. */
async function finished(suffix: string): Promise<{ path: string; cursor: string; whole: string[] }> {
  const agents = await makeAgents(me, [`${suffix}-a`, `${suffix}-b`]);
  const { body } = await me.post('/discussions', {
    topic: 'Which client follows best?',
    participants: agents.map(({ id }) => ({ agent_id: id })),
    limits: { max_turns: 3 },
    start: false,
  });
  const stream = await follow(me, body.id, { lastEventId: body.cursor });
  await me.post(`/discussions/${body.id}/resume`);
  await stream.until(({ event }) => event === LAST);
  stream.close();
  const whole = stream.frames.flatMap(({ id }) => (id === undefined ? [] : [id]));
  return { path: `/api/v1/discussions/${body.id}/events`, cursor: body.cursor, whole };
}

/** The first three events of a stream, and then the connection breaks. */
async function* cutAfterThree(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    const events = text.split('\n\n').filter((frame) => frame.startsWith('id: '));
    if (events.length > 3) break;
  }
  const frames = text.split('\n\n');
  const fourth = frames.indexOf(frames.filter((frame) => frame.startsWith('id: '))[3] as string);
  yield new TextEncoder().encode(`${frames.slice(0, fourth).join('\n\n')}\n\n`);
  throw new Error('The connection was cut');
}

test('the npm client eventsource follows, and resumes by itself when its connection is cut', async () => {
  const { path, cursor, whole } = await finished('npm');
  const ids: string[] = [];
  let connections = 0;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const source = new EventSource(`${world.url}${path}?cursor=${cursor}`, {
    fetch: async (input, init) => {
      const response = await fetch(input, { ...init, headers: { ...init.headers, authorization: me.authorization } });
      connections += 1;
      if (connections > 1 || response.body === null) return response;
      const { url, status, redirected, headers } = response;
      return { url, status, redirected, headers, body: ReadableStream.from(cutAfterThree(response.body)) };
    },
  });
  for (const type of TYPES)
    source.addEventListener(type, ({ lastEventId }) => {
      ids.push(lastEventId);
      if (type === LAST) resolve();
    });
  await ended;
  source.close();
  assert.deepEqual(ids, whole);
  assert.equal(connections, 2);
});

const skip = noBrowser();
test("a browser's EventSource follows with a ticket, and resumes with another one", { skip }, async () => {
  const { path, cursor, whole } = await finished('browser');
  const ticket = async () => (await me.post('/tickets', { path })).body.ticket as string;
  const browser = await openBrowser();
  try {
    const page = await openPage(browser);
    await page.goto(`${world.url}/docs`);
    const listen = (url: string, upTo: number) =>
      page.evaluate(
        ({ url, types, last, upTo }) =>
          new Promise<string[]>((resolve, reject) => {
            const ids: string[] = [];
            const source = new EventSource(url);
            source.onerror = () => reject(new Error(`The stream failed after ${ids.length}`));
            for (const type of types)
              source.addEventListener(type, (event) => {
                if (ids.length < upTo) ids.push((event as MessageEvent).lastEventId);
                if (ids.length < upTo && type !== last) return;
                source.close();
                resolve(ids);
              });
          }),
        { url, types: TYPES, last: LAST, upTo },
      );
    const used = await ticket();
    const first = await listen(`${path}?ticket=${used}&cursor=${cursor}`, 3);
    assert.deepEqual(first, whole.slice(0, 3));
    await assert.rejects(listen(`${path}?ticket=${used}&cursor=${cursor}`, 3), /failed after 0/, 'a ticket opens once');
    const rest = await listen(`${path}?ticket=${await ticket()}&cursor=${first.at(-1)}`, Number.POSITIVE_INFINITY);
    assert.deepEqual([...first, ...rest], whole);
  } finally {
    await browser.close();
  }
});
