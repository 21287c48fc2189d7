import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newSecret, signatureHeaders } from './signing.ts';

const timestamp = Math.floor(Date.now() / 1_000);

test('whatever is sent, standardwebhooks verifies it with either secret, and with no other', () => {
  fc.assert(
    fc.property(fc.json(), fc.uuid(), (body, id) => {
      const [newest, previous, other] = [newSecret(), newSecret(), newSecret()];
      const headers = signatureHeaders([newest, previous], { id, timestamp, body });
      for (const secret of [newest, previous])
        assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
      assert.throws(() => new Webhook(other).verify(body, headers), /No matching signature/);
      assert.throws(() => new Webhook(newest).verify(`${body} `, headers), /No matching signature/);
      assert.throws(() => new Webhook(newest).verify(body, { ...headers, 'webhook-id': `${id}1` }), /No matching/);
    }),
    { numRuns: 50 },
  );
});

test('it signs as that package does', () => {
  const [secret, id, body] = [newSecret(), 'msg_1', '{"a":"ä"}'];
  const { 'webhook-signature': ours } = signatureHeaders([secret], { id, timestamp, body });
  assert.equal(ours, new Webhook(secret).sign(id, new Date(timestamp * 1_000), body));
});

test('secrets are 32 random bytes each', () => {
  const secrets = Array.from({ length: 100 }, newSecret);
  assert.equal(new Set(secrets).size, 100);
  for (const secret of secrets) assert.equal(Buffer.from(secret.replace(/^whsec_/, ''), 'base64').length, 32);
});
