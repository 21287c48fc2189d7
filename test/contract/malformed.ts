import fc from 'fast-check';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import type { Made } from './fixtures.ts';
import { pathOf } from './support.ts';

/** A request that is wrong, or odd, in one way. */
export type Odd = { readonly what: string; readonly path: string; readonly init: RequestInit };

/** What no string, number, list or object of ours should be. */
const WRONG: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a number', 7],
  ['a negative fraction', -1.5],
  ['a huge number', 1e308],
  ['a boolean', true],
  ['the empty string', ''],
  ['a string', 'x'],
  ['a string of 70,000 characters', 'x'.repeat(70_000)],
  ['U+0000', 'a\u0000b'],
  ['half a surrogate pair', 'a\ud800'],
  ['odd characters', `\u202e\ufeff\u{1f468}\u200d\u{1f469}\u0301%s'";--<b>\\`],
  ['the empty list', []],
  ['a list of odd things', [null, {}, [], 1, 'x']],
  ['the empty object', {}],
  ['an object with odd keys', { '': 1, constructor: { prototype: 1 }, toString: 'x', 'a.b/c~d': null }],
];

/** Bodies that are odd before they are anything. */
const RAW: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
  ['an empty body', ''],
  ['half of an object', '{"name":'],
  ['two values', '{} {}'],
  ['null', 'null'],
  ['a number', '1e999'],
  ['a string', '"text"'],
  ['a list', '[{}]'],
  ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d])],
  ['a byte order mark', '\ufeff{}'],
  ['__proto__', '{"__proto__":{"name":"x"},"constructor":{"prototype":{}}}'],
  ['the same field twice', '{"name":"a","name":1}'],
  ['10,000 levels', '['.repeat(10_000) + ']'.repeat(10_000)],
  ['20,000 fields', JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`f${n}`, n])))],
  ['100,000 items', `{"items":[${'1,'.repeat(99_999)}1]}`],
];

const PATH_TEXTS: readonly (readonly [string, string])[] = [
  ['no UUID', 'x'],
  ['a UUID in capitals', '01920000-0000-7000-8000-00000000000A'],
  ['%00', '%00'],
  ['a path', '..%2f..%2fetc%2fpasswd'],
  ['600 characters', 'a'.repeat(600)],
  ['2,000 characters', 'a'.repeat(2_000)],
  ['bytes that are not UTF-8', '%ff%fe'],
  ['half an escape', '%2'],
  ['SQL', "1'%20or%20'1'%3D'1"],
  ['an emoji', encodeURIComponent('\u{1f600}')],
  ['a line break', 'a%0d%0ab'],
];

const QUERIES: readonly string[] = [
  'no_such_parameter=1',
  'limit=0&page=0&page_size=0',
  'limit=-1&page=-1&page_size=101',
  'limit=1e1&page=0x10&page_size=1.5',
  'limit=99999999999999999999&page=99999999999999999999',
  'page=100000&page_size=100',
  'limit=&page=&cursor=&q=&status=',
  'limit=1&limit=2&q=a&q=b&cursor=a&cursor=b',
  'cursor=AAAA&limit=5',
  `cursor=${'A'.repeat(1_000)}`,
  `cursor=${'A'.repeat(5_000)}`,
  'q=%00&status=%00&cursor=%00',
  'q=%ff&cursor=%ff',
  `q=${'x'.repeat(3_000)}`,
  `q=${encodeURIComponent('"unclosed & (!| <-> :* \'')}`,
  'q=%F0%9F%98%80&status=%E2%80%AE',
  'after_seq=-1&before_seq=-1',
  'after_seq=9007199254740993&before_seq=9007199254740993',
  'since=yesterday&until=9999-99-99T99:99:99Z',
  'since=0000-01-01T00:00:00Z&until=9999-12-31T23:59:59Z',
  'agent_id=x&discussion_id=x&actor_id=x&turn=x&checkpoint=x&type=x&model=x',
  'turn=99999999999&checkpoint=%00',
  'allow=everything&ticket=x',
  '__proto__=1&constructor=1&hasOwnProperty=1',
  '&&&===?',
  `${Array.from({ length: 500 }, (_, n) => `p${n}=1`).join('&')}`,
];

const HEADERS: readonly (readonly [string, Record<string, string>])[] = [
  ['an odd If-Match', { 'if-match': 'W/"1", "x", *' }],
  ['an If-Match that is too large a number', { 'if-match': `"${'9'.repeat(40)}"` }],
  ['an odd Idempotency-Key', { 'idempotency-key': 'a b' }],
  ['an odd X-Request-ID', { 'x-request-id': '<script>'.repeat(100) }],
  ['an odd traceparent', { traceparent: 'zz-zz-zz-zz' }],
  ['an odd Last-Event-ID', { 'last-event-id': 'x.y.z' }],
  [
    'a Last-Event-ID of the far future',
    { 'last-event-id': '00000000-0000-0000-0000-000000000000.999999999999999999999' },
  ],
  ['an odd cookie', { cookie: 'parley_refresh=%00; =; a' }],
  ['an odd Accept', { accept: 'image/png;q=x, */*;q=0' }],
  ['an odd Accept-Language and Origin', { 'accept-language': '*;;', origin: 'null' }],
  ['an odd user agent', { 'user-agent': '\u00ff\u00fe'.repeat(2_000) }],
];

/** All the ways in which a request to this route can be wrong that we know of, from one that is right. */
export function oddRequests(route: MountedRoute, made: Made, authorization: string | undefined): Odd[] {
  const base: Record<string, string> = { ...(authorization !== undefined && { authorization }), ...made.headers };
  const path = pathOf(route, made);
  const json: Record<string, string> = { ...base, 'content-type': 'application/json' };
  const { method } = route;
  const withBody = (what: string, body: string | Uint8Array<ArrayBuffer>, headers = json): Odd => ({
    what: `body: ${what}`,
    path,
    init: { method, headers, body },
  });
  const good = made.body === undefined ? undefined : JSON.stringify(made.body);
  const right: RequestInit = {
    method,
    headers: good === undefined ? base : json,
    ...(good !== undefined && { body: good }),
  };

  const odd: Odd[] = [];
  for (const [name, value] of Object.entries(made.params ?? {}))
    for (const [what, text] of PATH_TEXTS)
      odd.push({ what: `path ${name}: ${what}`, path: path.replace(encodeURIComponent(value), text), init: right });
  for (const query of QUERIES)
    odd.push({ what: `query: ${query.slice(0, 60)}`, path: `${path.split('?', 1)[0]}?${query}`, init: right });
  for (const [what, headers] of HEADERS)
    odd.push({
      what: `headers: ${what}`,
      path,
      init: { ...right, headers: { ...(right.headers as object), ...headers } },
    });
  if (method === 'GET') return odd;

  for (const [what, body] of RAW) odd.push(withBody(what, body));
  odd.push(withBody('another content type', 'name=x', { ...base, 'content-type': 'text/plain' }));
  odd.push(withBody('a form', 'name=x&a=%00&a=2', { ...base, 'content-type': 'application/x-www-form-urlencoded' }));
  odd.push(withBody('a content type that is none', '{}', { ...base, 'content-type': 'x;;=' }));
  odd.push(withBody('another encoding', '{}', { ...json, 'content-encoding': 'gzip' }));
  if (made.body === undefined) return odd;
  for (const { where, change } of changes(made.body)) odd.push(withBody(where, JSON.stringify(change)));
  for (const change of randomBodies(made.body))
    odd.push(withBody(`random: ${JSON.stringify(change)}`, JSON.stringify(change)));
  return odd;
}

/** Objects with the fields of the right body, some missing, and anything at all in them; always the same ones. */
function randomBodies(body: unknown): unknown[] {
  const fields = Object.keys(body as object).map((name) => [name, fc.jsonValue({ maxDepth: 4 })] as const);
  return fc.sample(fc.record(Object.fromEntries(fields), { requiredKeys: [] }), { seed: 7, numRuns: 40 });
}

/** The body with one value replaced by a wrong one, with one field missing, and with one too many, at every place. */
function changes(body: unknown): { where: string; change: unknown }[] {
  const found: { where: string; change: unknown }[] = [];
  const visit = (path: readonly (string | number)[], value: unknown) => {
    const where = path.join('.') || 'the whole';
    for (const [what, wrong] of WRONG) found.push({ where: `${where}: ${what}`, change: replaced(body, path, wrong) });
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) {
      found.push({ where: `${where}: an unknown field`, change: replaced(body, path, { ...value, no_such_field: 1 }) });
      for (const key of Object.keys(value)) {
        const { [key]: _, ...rest } = value as Record<string, unknown>;
        found.push({ where: `${where}: without ${key}`, change: replaced(body, path, rest) });
      }
    } else found.push({ where: `${where}: 2,000 of them`, change: replaced(body, path, Array(2_000).fill(value[0])) });
    for (const [key, child] of Object.entries(value)) visit([...path, Array.isArray(value) ? Number(key) : key], child);
  };
  visit([], body);
  return found;
}

function replaced(value: unknown, [step, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? replaced(item, rest, by) : item));
  return { ...(value as object), [step]: replaced((value as Record<string, unknown>)[step], rest, by) };
}
