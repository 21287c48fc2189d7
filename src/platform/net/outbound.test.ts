import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6, type LookupFunction } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPublicAddress, parseAllowed } from './addresses.ts';
import { createOutbound, type Outbound, OutboundRefused } from './outbound.ts';

const PRIVATE_V4 =
  `0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
  172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
  198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255`.split(/\s+/);
const PUBLIC_V4 =
  '1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1 198.20.0.1 223.255.255.254'.split(
    ' ',
  );
const PRIVATE_V6 =
  `:: ::1 ::7f00:1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::ffff:0:1.1.1.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1
  2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 3fff::1
  3fff:fff:ffff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ffff::1`.split(/\s+/);
const PUBLIC_V6 = '2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1 2400:cb00::1'.split(' ');

test('only global unicast addresses are public', () => {
  for (const address of [...PRIVATE_V4, ...PRIVATE_V6]) assert.equal(isPublicAddress(address), false, address);
  for (const address of [...PUBLIC_V4, ...PUBLIC_V6]) assert.equal(isPublicAddress(address), true, address);
  for (const text of ['', 'localhost', '1.1.1', '1.1.1.1.', '01.1.1.1 ', '::g'])
    assert.equal(isPublicAddress(text), false, text);
});

test('no way of writing a private IPv4 address into IPv6 is public', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), ([a, b, c, d]) => {
      const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
      const tail = `${hex(a, b)}:${hex(c, d)}`;
      for (const spelling of [
        `::${tail}`,
        `::ffff:${tail}`,
        `::ffff:0:${tail}`,
        `64:ff9b::${tail}`,
        `64:ff9b:1::${tail}`,
        `2002:${tail}::1`,
        `fe80::5efe:${tail}`,
      ]) {
        assert.equal(isPublicAddress(spelling), false, spelling);
      }
    }),
  );
});

const closed = (outbound: Outbound) => ({ ...outbound, [Symbol.asyncDispose]: () => outbound.close() });
/** A resolver that knows these names, and is asked how often. */
function resolver(names: Record<string, string[] | (() => string[])>): LookupFunction & { asked: string[] } {
  const lookup: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname);
    const found = names[hostname];
    const addresses = typeof found === 'function' ? found() : found;
    if (addresses === undefined) return callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), []);
    callback(
      null,
      addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
    );
  };
  const asked: string[] = [];
  return Object.assign(lookup, { asked });
}

/** Spellings of what a tenant must not reach. All are refused before anything is sent. */
const REFUSED = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://127.0.1/',
  'http://2130706433/',
  'http://017700000001/',
  'http://0x7f000001/',
  'http://0x7f.0.0.1/',
  'http://0177.0.0.1/',
  'http://0177.0x0.1/',
  'http://127.0.0.1./',
  'http://127。0。0。1/',
  'http://①②⑦.0.0.1/',
  'http://%31%32%37.0.0.1/',
  'http://0/',
  'http://0.0.0.0/',
  'http://[::1]/',
  'http://[::]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b:1::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:7f00:1::]/',
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://[ff02::1]/',
  'http://10.0.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://localhost/',
  'http://LOCALHOST/',
  'http://localhost./',
  'http://a.localhost/',
  'http://db.internal/',
  'http://printer.local/',
  'http://intranet/',
  'http://user@example.com/',
  'http://user:secret@example.com/',
  'http://:x@example.com/',
  'http://example.com:8080/',
  'http://example.com:22/',
  'https://example.com:8443/',
  'http://1.1.1.1:6379/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'gopher://example.com/',
  'data:text/plain,hello',
  'javascript:alert(1)',
  'http://',
  'example.com',
  '',
  'http://[::1',
  '//example.com/',
];

test('a tenant cannot name a private address, however it is spelt', async () => {
  const lookup = resolver({ localhost: ['127.0.0.1'], 'example.com': ['93.184.215.14'] });
  await using outbound = closed(createOutbound({ allow: [], lookup }));
  for (const url of REFUSED) {
    assert.throws(() => outbound.check(url, 'tenant'), OutboundRefused, url);
    await assert.rejects(outbound.fetch('tenant')(url), OutboundRefused, url);
  }
  assert.deepEqual(lookup.asked, []);
});

test('public addresses and names pass the first look, on the ports of the web', () => {
  const outbound = createOutbound({ allow: [] });
  for (const url of [
    'https://example.com/',
    'http://example.com:80/x',
    'https://api.example.com:443/v1',
    'https://1.1.1.1/',
    'http://[2606:4700:4700::1111]/',
    'https://EXAMPLE.com./',
  ]) {
    assert.equal(outbound.check(url, 'tenant').protocol.startsWith('http'), true, url);
  }
});

/** Whether a fetch was refused by the guard, at whatever depth the reason lies. */
const refusedBy = (error: unknown): boolean => {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof OutboundRefused) return true;
  return false;
};

test('a name that resolves to a private address is refused when it is resolved', async () => {
  const lookup = resolver({
    'rebind.example': ['127.0.0.1'],
    'mixed.example': ['93.184.215.14', '10.0.0.1'],
    'six.example': ['::1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'nat.example': ['64:ff9b::7f00:1'],
    'meta.example': ['169.254.169.254'],
    'empty.example': [],
  });
  await using outbound = closed(createOutbound({ allow: [], lookup }));
  for (const name of ['rebind', 'mixed', 'six', 'mapped', 'nat', 'meta', 'empty']) {
    await assert.rejects(outbound.fetch('tenant')(`http://${name}.example/`), refusedBy, name);
    await assert.rejects(outbound.fetch('tenant')(`https://${name}.example/`), refusedBy, name);
  }
  await assert.rejects(outbound.fetch('tenant')('http://rebind.example./'), (error) => error instanceof Error);
});

/** A server on loopback that tells what it was asked. */
async function target(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
const ok = (_request: IncomingMessage, response: ServerResponse) => void response.end('ok');

test('an address that changes between the check and the connection is caught: the vetted lookup is the connection’s own', async () => {
  await using it = await target(ok);
  const answers = [['93.184.215.14'], ['127.0.0.1']];
  const lookup = resolver({ 'rebind.example': () => answers.shift() ?? ['127.0.0.1'] });
  await using outbound = closed(createOutbound({ allow: [], lookup }));
  outbound.check('http://rebind.example/', 'tenant');
  answers.shift();
  await assert.rejects(outbound.fetch('tenant')('http://rebind.example/'), refusedBy);
  assert.equal(it.seen.length, 0);
});

test('what the operator allows can be reached: a host, a host with its port, a range', async () => {
  await using it = await target(ok);
  const url = `http://127.0.0.1:${it.port}/`;
  const named = `http://box.lan.example:${it.port}/`;
  const lookup = resolver({ 'box.lan.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] });
  const reach = async (allow: string[], wanted: string) => {
    await using outbound = closed(createOutbound({ allow, lookup }));
    const response = await outbound.fetch('tenant')(wanted);
    return await response.text();
  };
  assert.equal(await reach(['127.0.0.1'], url), 'ok');
  assert.equal(await reach([`127.0.0.1:${it.port}`], url), 'ok');
  assert.equal(await reach(['127.0.0.0/8'], url), 'ok');
  assert.equal(await reach(['127.0.0.0/8'], named), 'ok');
  assert.equal(await reach(['box.lan.example'], named), 'ok');
  assert.equal(await reach([`BOX.lan.example:${it.port}`], named), 'ok');
  await assert.rejects(reach([`127.0.0.1:${it.port + 1}`], url), refusedBy);
  await assert.rejects(reach(['box.lan.example'], `http://other.example:${it.port}/`), refusedBy);
  await assert.rejects(reach(['10.0.0.0/8'], named), refusedBy);
  await assert.rejects(reach(['10.0.0.0/8'], 'http://example.com.example:25/'), (error) => error instanceof Error);
});

test('an entry of OUTBOUND_ALLOW that is none is refused with a sentence', () => {
  for (const entry of ['', 'http://x/', 'a b', 'host:', 'host:0', 'host:70000', '10.0.0.0/40', 'x/24', '[::1']) {
    assert.throws(() => parseAllowed(entry), /OUTBOUND_ALLOW: ".*" is not/, entry);
  }
  for (const entry of [
    'host',
    'host:8080',
    '10.0.0.0/8',
    'fd00::/8',
    '::1',
    '[::1]:8080',
    '127.0.0.1:11434',
    ' Host.Example. ',
  ]) {
    assert.ok(parseAllowed(entry), entry);
  }
});

test('the operator’s own addresses may be private', async () => {
  await using it = await target(ok);
  await using outbound = closed(createOutbound({ allow: [] }));
  assert.equal(await (await outbound.fetch('operator')(`http://localhost:${it.port}/`)).text(), 'ok');
  await assert.rejects(outbound.fetch('operator')('file:///etc/passwd'), OutboundRefused);
  await assert.rejects(outbound.fetch('operator')('http://a:b@localhost/'), OutboundRefused);
});

test('every hop of a redirect is checked, and credentials stay at their origin', async () => {
  await using inner = await target(ok);
  await using outer = await target((request, response) => {
    const to = decodeURIComponent(request.url?.slice(1) ?? '');
    if (to === '') response.end('end');
    else response.writeHead(302, { location: to }).end();
  });
  const lookup = resolver({ 'hop.example': ['127.0.0.1'] });
  await using outbound = closed(
    createOutbound({ allow: [`127.0.0.1:${outer.port}`, `127.0.0.1:${inner.port}`], lookup }),
  );
  await using narrow = closed(createOutbound({ allow: [`127.0.0.1:${outer.port}`], lookup }));
  const via = (to: string) => `http://127.0.0.1:${outer.port}/${encodeURIComponent(to)}`;
  const headers = {
    authorization: 'Bearer s',
    cookie: 'c=1',
    'x-api-key': 'k',
    'x-goog-api-key': 'g',
    accept: 'text/plain',
  };

  const innerUrl = `http://127.0.0.1:${inner.port}/`;
  assert.equal(await (await outbound.fetch('tenant')(via(innerUrl), { headers })).text(), 'ok');
  const there = inner.seen[0]?.headers ?? {};
  assert.deepEqual(
    [there.authorization, there.cookie, there['x-api-key'], there['x-goog-api-key'], there.accept],
    [undefined, undefined, undefined, undefined, 'text/plain'],
  );

  assert.equal(await (await outbound.fetch('tenant')(via('/'), { headers })).text(), 'end');
  assert.equal(outer.seen.at(-1)?.headers.authorization, 'Bearer s');

  for (const to of [
    innerUrl,
    'http://169.254.169.254/',
    'http://localhost/',
    'http://hop.example/',
    'file:///etc/passwd',
    'http://u:p@example.com/',
    'http://[::1]/',
  ]) {
    await assert.rejects(narrow.fetch('tenant')(via(to)), refusedBy, to);
  }
  assert.equal(inner.seen.length, 1);

  const loop = (depth: number): string => (depth === 0 ? '/' : `/${encodeURIComponent(loop(depth - 1))}`);
  assert.equal((await outbound.fetch('tenant')(`http://127.0.0.1:${outer.port}${loop(3)}`)).status, 200);
  await assert.rejects(outbound.fetch('tenant')(`http://127.0.0.1:${outer.port}${loop(4)}`), /More than 3 redirects/);
  await assert.rejects(outbound.fetch('tenant')(via('/'), { method: 'POST', body: '{}' }), /not followed/);
});

test('a proxy of the environment is not used', async () => {
  await using proxy = await target(ok);
  await using it = await target(ok);
  const before = { ...process.env };
  Object.assign(process.env, {
    HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
    http_proxy: `http://127.0.0.1:${proxy.port}`,
    NODE_USE_ENV_PROXY: '1',
  });
  try {
    await using outbound = closed(createOutbound({ allow: [] }));
    await (await outbound.fetch('operator')(`http://127.0.0.1:${it.port}/`)).text();
    assert.deepEqual([it.seen.length, proxy.seen.length], [1, 0]);
  } finally {
    for (const name of ['HTTP_PROXY', 'http_proxy', 'NODE_USE_ENV_PROXY']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
});

test('a body that does not end is cut off at its limit', async () => {
  const piece = Buffer.alloc(1024 * 1024);
  await using it = await target((_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  });
  await using outbound = closed(createOutbound({ allow: [] }));
  const response = await outbound.fetch('operator')(`http://127.0.0.1:${it.port}/`);
  let bytes = 0;
  await assert.rejects(async () => {
    for await (const chunk of response.body ?? []) bytes += chunk.byteLength;
  });
  assert.ok(bytes <= 64 * 1024 * 1024);
});

test('an abort closes the connection', async () => {
  const closing = Promise.withResolvers<void>();
  await using it = await target((_request, response) => void response.on('close', () => closing.resolve()));
  await using outbound = closed(createOutbound({ allow: [] }));
  const controller = new AbortController();
  const asked = outbound.fetch('operator')(`http://127.0.0.1:${it.port}/`, { signal: controller.signal });
  while (it.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('enough'));
  await assert.rejects(asked, /enough/);
  await closing.promise;
});

const POST = { headers: { 'content-type': 'text/plain' }, body: 'ü', signal: new AbortController().signal };

test('a post is sent as it is, and its answer read as text, wherever its bytes are cut', async () => {
  await using it = await target((_request, response) => {
    const bytes = Buffer.from('Grüße');
    response.writeHead(201, { 'x-one': ['a', 'b'] });
    for (const byte of bytes) response.write(Buffer.of(byte));
    response.end();
  });
  await using outbound = closed(createOutbound({ allow: [] }));
  const answer = await outbound.post('operator')(`http://127.0.0.1:${it.port}/a?b=c`, POST);
  assert.deepEqual([answer.status, answer.headers['x-one']], [201, 'a, b']);
  let text = '';
  for await (const piece of answer.body) text += piece;
  assert.equal(text, 'Grüße');
  const [asked] = it.seen;
  assert.deepEqual([asked?.url, asked?.headers['content-length']], ['/a?b=c', '2']);
});

test('a post goes nowhere where fetch does not, and follows no redirect', async () => {
  await using it = await target((_request, response) => void response.writeHead(307, { location: '/' }).end());
  const lookup = resolver({ 'hop.example': ['127.0.0.1'] });
  await using outbound = closed(createOutbound({ allow: [], lookup }));
  for (const url of ['http://127.0.0.1/', 'http://hop.example/', 'http://localhost/', 'ftp://a.example/', 'nonsense'])
    await assert.rejects(outbound.post('tenant')(url, POST), refusedBy, url);
  await assert.rejects(outbound.post('operator')(`http://127.0.0.1:${it.port}/`, POST), /not followed/);
  assert.equal(it.seen.length, 1);
});

test('a post ends with its signal, and when its answer is dropped', async () => {
  const closes: (() => void)[] = [];
  await using it = await target((_request, response) => {
    response.writeHead(200).write('a');
    response.on('close', () => closes.shift()?.());
  });
  await using outbound = closed(createOutbound({ allow: [] }));
  const controller = new AbortController();
  const post = (signal: AbortSignal) => outbound.post('operator')(`http://127.0.0.1:${it.port}/`, { ...POST, signal });
  const gone = () => new Promise<void>((resolve) => closes.push(resolve));

  const [answer, aborted] = [await post(controller.signal), gone()];
  const read = (async () => {
    for await (const _ of answer.body) controller.abort(new Error('enough'));
  })();
  await assert.rejects(read, /enough/);
  await aborted;

  const [other, dropped] = [await post(POST.signal), gone()];
  other.drop();
  await dropped;
});
