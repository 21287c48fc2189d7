import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Type } from 'typebox';
import { serverWith } from '../../../../test/support/http.ts';
import { AppError } from '../errors.ts';
import { Download, type Router } from '../router.ts';
import { attachment } from './download.ts';

type State = { made: number; returned: boolean };
const PIECE = 'x'.repeat(100_000);
const ENOUGH = 100_000;

const files = (state: State) => (router: Router) => {
  async function* pieces(what: string) {
    try {
      if (what === 'nothing') throw new AppError('not_found');
      if (what === 'half') yield 'half of it';
      if (what === 'half') throw new AppError('unavailable');
      if (what === 'short') return yield* ['one, ', 'two'];
      for (; state.made < ENOUGH; state.made += 1) yield PIECE;
    } finally {
      state.returned = true;
    }
  }
  router.route({
    method: 'GET',
    url: '/files/:what',
    operationId: 'getFile',
    summary: 's',
    tag: 't',
    access: 'authenticated',
    params: Type.Object({ what: Type.String() }),
    downloads: ['text/plain'],
    response: Type.Object({}),
    handler: async ({ params: { what } }) =>
      new Download({ type: 'text/plain', filename: `${what}.txt`, pieces: pieces(what) }),
  });
};

async function serve(state: State) {
  const server = await serverWith({ register: [files(state)] });
  await server.start();
  const open = (what: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const options = { agent: false, headers: { authorization: 'Bearer all' } } as const;
      get(`http://127.0.0.1:${server.ports[0]}/api/v1/files/${what}`, options, resolve).once('error', reject);
    });
  return { open, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return text;
}

test('a file comes piece by piece, under its name, for nobody else to keep', async () => {
  await using server = await serve({ made: 0, returned: false });
  const response = await server.open('short');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(response.headers['content-disposition'], 'attachment; filename="short.txt"');
  assert.equal(response.headers['cache-control'], 'no-store');
  assert.ok(response.headers['x-request-id']);
  assert.equal(await textOf(response), 'one, two');
});

test('what fails before the first piece is an answer; later, the connection breaks', async () => {
  await using server = await serve({ made: 0, returned: false });
  const nothing = await server.open('nothing');
  assert.equal(nothing.statusCode, 404);
  assert.equal(JSON.parse(await textOf(nothing)).error.code, 'not_found');
  await assert.rejects(server.open('half').then(textOf));
});

test('a client that does not read is sent no more than the buffers on the way hold; one that leaves ends the work', async () => {
  const state = { made: 0, returned: false };
  await using server = await serve(state);
  const response = await server.open('endless');
  for (let before = -1; state.made !== before; ) {
    before = state.made;
    for (let turns = 0; turns < 500; turns += 1) await turn();
  }
  assert.ok(state.made > 0 && state.made < ENOUGH / 100, `${state.made} pieces were made for nobody`);
  assert.equal(state.returned, false);
  response.destroy();
  while (!state.returned) await turn();
  assert.ok(state.made < ENOUGH / 100);
});

test('a name of any kind makes a header of letters', () => {
  assert.equal(attachment('a-b.md'), 'attachment; filename="a-b.md"');
  assert.equal(attachment('"; x=\r\n.md'), `attachment; filename="x-.md"; filename*=UTF-8''%22%3B%20x%3D%0D%0A.md`);
  assert.equal(attachment('é'), `attachment; filename="download"; filename*=UTF-8''%C3%A9`);
});
