import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { verifyWebhook, WebhookVerificationError } from '../src/index.ts';

const SECRET = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
const OTHER = `whsec_${Buffer.from('another secret, as long as it is').toString('base64')}`;
const BODY = '{"id":"e1","type":"message_posted","data":{"text":"ü 😀"}}';

function headersOf(secrets: string[], { body = BODY, ageSeconds = 0 } = {}) {
  const at = new Date(Date.now() - ageSeconds * 1_000);
  return {
    'webhook-id': 'e1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign('e1', at, body)).join(' '),
  };
}
const refused = (work: Promise<unknown>) => assert.rejects(work, WebhookVerificationError);

test('what Standard Webhooks signs is taken: as text or bytes, with headers of either kind, with one of two secrets', async () => {
  const headers = headersOf([OTHER, SECRET]);
  const event = JSON.parse(BODY);
  for (const body of [BODY, new TextEncoder().encode(BODY), new TextEncoder().encode(BODY).buffer, Buffer.from(BODY)])
    assert.deepEqual(await verifyWebhook(SECRET, headers, body), event);
  assert.deepEqual(await verifyWebhook(OTHER, new Headers(headers), BODY), event);
  const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
  assert.deepEqual(await verifyWebhook(SECRET.slice('whsec_'.length), shouted, BODY), event);
});

test('whatever was changed, is old or of somebody else is refused', async () => {
  const headers = headersOf([SECRET]);
  await refused(verifyWebhook(OTHER, headers, BODY));
  await refused(verifyWebhook(SECRET, headers, `${BODY} `));
  await refused(verifyWebhook(SECRET, { ...headers, 'webhook-id': 'e2' }, BODY));
  await refused(
    verifyWebhook(SECRET, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) }, BODY),
  );
  await refused(verifyWebhook(SECRET, headersOf([SECRET], { ageSeconds: 301 }), BODY));
  await refused(verifyWebhook(SECRET, headersOf([SECRET], { ageSeconds: -302 }), BODY));
  await verifyWebhook(SECRET, headersOf([SECRET], { ageSeconds: 3_000 }), BODY, { toleranceSeconds: 3_600 });
  for (const name of Object.keys(headers)) {
    await refused(verifyWebhook(SECRET, { ...headers, [name]: undefined }, BODY));
    await refused(verifyWebhook(SECRET, { ...headers, [name]: ['a', 'b'] }, BODY));
  }
  for (const signature of ['', 'v1,', 'v1,%%%', 'v1a,AAAA', 'v2,AAAA', headers['webhook-signature'].slice(3)])
    await refused(verifyWebhook(SECRET, { ...headers, 'webhook-signature': signature }, BODY));
  for (const timestamp of ['', 'now', '1e9', 'NaN', '-1'])
    await refused(verifyWebhook(SECRET, { ...headers, 'webhook-timestamp': timestamp }, BODY));
});

test('a secret that is none is the caller’s mistake', async () => {
  for (const secret of ['', 'whsec_', 'whsec_%%']) {
    await assert.rejects(verifyWebhook(secret, headersOf([SECRET]), BODY), /webhook secret/);
  }
});

test('Node 18 has no global crypto, and verifies all the same', async () => {
  const { crypto } = globalThis;
  const property = Object.getOwnPropertyDescriptor(globalThis, 'crypto') as PropertyDescriptor;
  Object.defineProperty(globalThis, 'crypto', { value: undefined, configurable: true });
  try {
    assert.deepEqual(await verifyWebhook(SECRET, headersOf([SECRET]), BODY), JSON.parse(BODY));
  } finally {
    Object.defineProperty(globalThis, 'crypto', property);
  }
  assert.equal(globalThis.crypto, crypto);
});
