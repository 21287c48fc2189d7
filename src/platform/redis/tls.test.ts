import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '../../../scripts/testing/port.ts';
import { type Certificates, makeCertificates, noOpenssl } from '../../../test/support/certificates.ts';
import { until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis } from '../../../test/support/redis.ts';

const only = { skip: noRedis || noOpenssl };
let certificates: Certificates;
let server: OwnRedis;
let port: number;
before(async () => {
  if (only.skip) return;
  certificates = makeCertificates();
  port = await freePort();
  const files = [
    '--tls-cert-file',
    certificates.cert,
    '--tls-key-file',
    certificates.key,
    '--tls-ca-cert-file',
    certificates.ca,
  ];
  server = await ownRedis({
    options: [
      '--port',
      '0',
      '--tls-port',
      `${port}`,
      ...files,
      '--tls-auth-clients',
      'no',
      '--requirepass',
      'p@ss/word',
    ],
  });
});
after(async () => {
  await server?.close();
  certificates?.remove();
});

const state = async (url: string) => (await server.open({ url })).state();
const secret = encodeURIComponent('p@ss/word');

test('rediss: is encrypted, by an authority of one’s own, for commands and for further connections', only, async () => {
  const redis = await server.open({ url: `rediss://:${secret}@localhost:${port}/2?sslrootcert=${certificates.ca}` });
  await until(() => redis.state() === 'connected');
  await redis.commands.set(redis.key('x'), '1');
  const other = redis.connection('other');
  await new Promise((resolve) => other.once('ready', resolve));
  assert.equal(await other.get(redis.key('x')), '1');
});

test('another authority, another name, and no encryption are refused', only, async () => {
  assert.equal(
    await state(`rediss://:${secret}@localhost:${port}?sslrootcert=${certificates.otherCa}`),
    'disconnected',
  );
  assert.equal(await state(`rediss://:${secret}@127.0.0.1:${port}?sslrootcert=${certificates.ca}`), 'disconnected');
  assert.equal(await state(`rediss://:${secret}@localhost:${port}`), 'disconnected');
  assert.equal(await state(`redis://:${secret}@localhost:${port}`), 'disconnected');
});

test('a wrong password is a Redis that is away', only, async () => {
  assert.equal(await state(`rediss://:wrong@localhost:${port}?sslrootcert=${certificates.ca}`), 'disconnected');
});
