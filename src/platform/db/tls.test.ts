import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type OwnServer, startServer } from '../../../scripts/testing/own-server.ts';
import { type Certificates, makeCertificates, noOpenssl } from '../../../test/support/certificates.ts';
import { findBinaries } from './binaries.ts';
import { connect } from './connection.ts';
import { openDb } from './open.ts';

const only = { skip: noOpenssl };
let certificates: Certificates;
let server: OwnServer;
before(async () => {
  if (noOpenssl) return;
  certificates = makeCertificates();
  server = await startServer(path.dirname(findBinaries().postgres), { certificate: certificates });
});
after(async () => {
  await server?.stop();
  certificates?.remove();
});

/** The server's address with this host, and these words behind it. */
function address(host: string, words: Record<string, string>): string {
  const url = new URL(server.url);
  url.hostname = host;
  url.search = new URLSearchParams(words).toString();
  return url.href;
}

/** Whether the session is encrypted. */
async function encrypted(url: string): Promise<boolean> {
  const client = await connect(url, { applicationName: 'parley test' });
  try {
    const { rows } = await client.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    return rows[0]?.ssl === true;
  } finally {
    await client.end();
  }
}

test('require encrypts, and asks nobody who the server is', only, async () => {
  assert.equal(await encrypted(address('127.0.0.1', { sslmode: 'require' })), true);
});

test('verify-ca wants the authority, verify-full the name as well', only, async () => {
  const { ca, otherCa } = certificates;
  assert.equal(await encrypted(address('127.0.0.1', { sslmode: 'verify-ca', sslrootcert: ca })), true);
  await assert.rejects(encrypted(address('127.0.0.1', { sslmode: 'verify-ca', sslrootcert: otherCa })), /certificate/);
  assert.equal(await encrypted(address('localhost', { sslmode: 'verify-full', sslrootcert: ca })), true);
  await assert.rejects(encrypted(address('127.0.0.1', { sslmode: 'verify-full', sslrootcert: ca })), /altnames|127/);
  await assert.rejects(
    encrypted(address('localhost', { sslmode: 'verify-full', sslrootcert: 'system' })),
    /self|issuer|certificate/,
  );
});

test('disable does not encrypt, and so does no word at all', only, async () => {
  await assert.rejects(encrypted(address('127.0.0.1', { sslmode: 'disable' })), /no encryption|pg_hba/);
  await assert.rejects(encrypted(address('127.0.0.1', {})), /no encryption|pg_hba/);
});

test('the pools go over it, prepared statements and pipelines too', only, async () => {
  const url = address('localhost', { sslmode: 'verify-full', sslrootcert: certificates.ca });
  const client = await connect(url, { applicationName: 'parley test' });
  await client.query('create role parley_system; grant parley_system to current_user');
  await client.end();
  const db = openDb({ url, writeOutbox: async () => {} });
  await Promise.all(Array.from({ length: 10 }, () => db.ping()));
  await db.close();
});
