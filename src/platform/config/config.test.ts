import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigFaults, parseConfig } from './config.ts';
import { readEnvironment, unknownSettings } from './env.ts';
import { loadConfig } from './load.ts';

const at = { folder: '/srv/parley', version: '0.1.0' };
const parse = (env: Record<string, string>) => parseConfig(env, at);
const folder = mkdtempSync(join(tmpdir(), 'parley-config-'));
after(() => rmSync(folder, { recursive: true }));

test('without any setting development runs on loopback with the packaged database', () => {
  const { config, faults } = parse({});
  assert.deepEqual(faults, []);
  const { profile, host, port, apiPort, metricsPort, apiPrefix, publicUrl, dataDir, databaseUrl, signup } = config;
  assert.deepEqual(
    { profile, host, port, apiPort, metricsPort, apiPrefix, publicUrl, dataDir, databaseUrl, signup },
    {
      profile: 'development',
      host: '127.0.0.1',
      port: 8080,
      apiPort: 8000,
      metricsPort: 9100,
      apiPrefix: '/api/v1',
      publicUrl: 'http://localhost:8080',
      dataDir: '/srv/parley/.parley',
      databaseUrl: undefined,
      signup: 'open',
    },
  );
});

test('tokens are issued in one name, whatever ports the processes of an installation listen on', () => {
  const issuers = ['8080', '8081', '0'].map((PORT) => parse({ PORT }).config.issuer);
  assert.deepEqual([...new Set(issuers)], ['http://localhost']);
  const { publicUrl, issuer } = parse({ PORT: '8081', PUBLIC_URL: 'https://parley.example.com' }).config;
  assert.deepEqual([publicUrl, issuer], ['https://parley.example.com', 'https://parley.example.com']);
});

test('production listens everywhere, invites, and needs its key, its database and its Redis', () => {
  const key = randomBytes(32);
  const bare = parse({ PARLEY_PROFILE: 'production' });
  assert.equal(bare.faults.length, 3);
  assert.match(bare.faults.join('\n'), /needs MASTER_KEY.*\n.*needs DATABASE_URL.*\n.*needs REDIS_URL/s);
  const { config, faults } = parse({
    PARLEY_PROFILE: 'production',
    MASTER_KEY: key.toString('hex'),
    DATABASE_URL: 'postgresql://db/parley?sslmode=verify-full',
    REDIS_URL: 'rediss://redis',
  });
  assert.deepEqual(faults, []);
  assert.equal(config.host, '0.0.0.0');
  assert.equal(config.signup, 'invite');
  assert.deepEqual(config.corsOrigins, []);
  assert.deepEqual(config.masterKey, key);
});

const FAULTS: [name: string, env: Record<string, string>, sentence: RegExp][] = [
  [
    'a profile that does not exist',
    { PARLEY_PROFILE: 'prod' },
    /PARLEY_PROFILE must be one of development, testing, production/,
  ],
  ['a port with letters', { PORT: '80a' }, /PORT must be a whole number from 0 to 65535, not "80a"/],
  ['a port too high', { API_PORT: '65536' }, /API_PORT must be a whole number/],
  ['a negative port', { METRICS_PORT: '-1' }, /METRICS_PORT must be a whole number/],
  ['one port twice', { PORT: '9100' }, /PORT and METRICS_PORT are both 9100/],
  ['another port twice', { API_PORT: '9100' }, /API_PORT and METRICS_PORT are both 9100/],
  ['a flag that is neither', { DEBUG: 'maybe' }, /DEBUG must be true or false/],
  ['an address without a scheme', { PUBLIC_URL: 'example.com' }, /PUBLIC_URL must be an address that begins with http/],
  [
    'another database',
    { DATABASE_URL: 'mysql://u:geheim@db/x' },
    /DATABASE_URL must be an address that begins with postgresql:/,
  ],
  [
    'a mode of encryption that only may be',
    { DATABASE_URL: 'postgresql://u:geheim@db/x?sslmode=prefer' },
    /sslmode must be one/,
  ],
  ['a certificate checked by nobody', { DATABASE_URL: 'postgresql://db/x?sslmode=verify-ca' }, /needs sslrootcert/],
  [
    'a Redis by another scheme',
    { REDIS_URL: 'http://u:geheim@redis' },
    /REDIS_URL must be an address that begins with redis:/,
  ],
  [
    'a Redis with a path',
    { REDIS_URL: 'redis://u:geheim@redis/zero' },
    /REDIS_URL may end with the number of a database/,
  ],
  ['a Redis with a parameter', { REDIS_URL: 'redis://u:geheim@redis?family=6' }, /has the parameter "family"/],
  ['a prefix with a colon', { REDIS_PREFIX: 'a:b' }, /REDIS_PREFIX must be 1 to 64 letters/],
  ['a short key', { MASTER_KEY: 'c2hvcnQ=' }, /MASTER_KEY must be 32 bytes/],
  ['an unfinished JSON list', { CORS_ORIGINS: '["http://a"' }, /CORS_ORIGINS begins like a JSON array/],
  ['a JSON list of numbers', { CORS_ORIGINS: '[1]' }, /CORS_ORIGINS begins like a JSON array/],
  ['an origin with a path', { CORS_ORIGINS: 'http://a/b' }, /CORS_ORIGINS holds "http:\/\/a\/b"/],
  ['a proxy by name', { TRUSTED_PROXIES: 'nginx' }, /TRUSTED_PROXIES holds "nginx"/],
  ['a range too narrow', { TRUSTED_PROXIES: '10.0.0.0/33' }, /TRUSTED_PROXIES holds "10.0.0.0\/33"/],
  ['an address as an outbound host', { OUTBOUND_ALLOW: 'http://x' }, /OUTBOUND_ALLOW holds/],
  ['no retention', { LOG_RETENTION_DAYS: '0' }, /LOG_RETENTION_DAYS must be a whole number from 1/],
  ['a sign-up that does not exist', { SIGNUP: 'maybe' }, /SIGNUP must be one of open, invite, closed/],
  ['a prefix without a slash', { API_V1_PREFIX: 'api' }, /API_V1_PREFIX must be a path/],
  ['the prefix of the OpenAI face', { API_V1_PREFIX: '/v1' }, /API_V1_PREFIX must be a path/],
  [
    'a provider’s address without its key',
    { OPENAI_BASE_URL: 'http://x' },
    /OPENAI_BASE_URL is set, and OPENAI_API_KEY is not/,
  ],
  ['a key for no server', { OPENAI_COMPATIBLE_API_KEY: 'x' }, /OPENAI_COMPATIBLE_URL is not/],
  ['a key for no payment service', { PAYMENT_API_KEY: 'x' }, /PAYMENT_API_KEY is set, and PAYMENT_URL is not/],
  ['a reservation of no time', { ORDER_EXPIRY_MINUTES: '0' }, /ORDER_EXPIRY_MINUTES/],
];
for (const [name, env, sentence] of FAULTS)
  test(`${name} is one fault`, () => {
    const { faults } = parse(env);
    assert.equal(faults.length, 1, faults.join('\n'));
    assert.match(faults[0] ?? '', sentence);
    assert.doesNotMatch(faults[0] ?? '', /geheim/);
  });

const production = (env: Record<string, string>) =>
  parse({
    PARLEY_PROFILE: 'production',
    MASTER_KEY: 'ab'.repeat(32),
    DATABASE_URL: 'postgresql:///parley?host=/run/postgresql',
    REDIS_URL: 'redis://localhost',
    ...env,
  }).faults;

test('production sends nothing in plain text to another host, unless it is allowed', () => {
  const apart = { DATABASE_URL: 'postgresql://u:geheim@db/parley', REDIS_URL: 'redis://u:geheim@redis:6379' };
  const faults = production(apart);
  assert.equal(faults.length, 2);
  assert.match(faults.join('\n'), /DATABASE_URL goes to another host in plain text.*\n.*REDIS_URL goes/s);
  assert.doesNotMatch(faults.join('\n'), /geheim/);
  assert.deepEqual(production({ ...apart, ALLOW_PLAINTEXT: 'true' }), []);
  assert.equal(production({ DATABASE_URL: 'postgresql://db/parley?sslmode=disable' }).length, 1);
  assert.match(production({ PAYMENT_URL: 'http://payments/v1' }).join(), /^PAYMENT_URL goes to another host/);
  assert.deepEqual(production({ PAYMENT_URL: 'https://payments/v1' }), []);
  assert.deepEqual(production({ PAYMENT_URL: 'http://localhost:9000' }), []);
  assert.deepEqual(parse(apart).faults, [], 'development may');
});

test('what stays on the machine, or is encrypted, is fine in production', () => {
  for (const host of ['localhost', '127.0.0.1', '[::1]'])
    assert.deepEqual(production({ DATABASE_URL: `postgresql://${host}/parley`, REDIS_URL: `redis://${host}` }), []);
  for (const mode of ['require', 'verify-full'])
    assert.deepEqual(production({ DATABASE_URL: `postgresql://db/parley?sslmode=${mode}` }), []);
  assert.deepEqual(production({ REDIS_URL: 'rediss://redis' }), []);
});

test('a certificate that an address names must be there', () => {
  const env = {
    DATABASE_URL: `postgresql://db/x?sslmode=verify-full&sslrootcert=${folder}/none.pem`,
    DATA_DIR: folder,
  };
  assert.throws(() => loadConfig(folder, '0.1.0', { env, faults: [] }), /DATABASE_URL names a file .*\(ENOENT\)/);
});

test('all faults of a start are told at once', () => {
  const all = Object.assign(
    {},
    ...FAULTS.filter(([name]) => !/twice|OpenAI face|JSON|proxy|high/.test(name)).map(([, env]) => env),
  );
  assert.throws(
    () => loadConfig(folder, '0.1.0', { env: all, faults: ['unreadable'] }),
    (error) => error instanceof ConfigFaults && error.faults[0] === 'unreadable' && error.faults.length >= 12,
  );
});

test('lists are taken with commas and as JSON', () => {
  const expected = ['https://a.example', 'http://b.example:3000'];
  assert.deepEqual(parse({ CORS_ORIGINS: 'https://a.example, http://b.example:3000' }).config.corsOrigins, expected);
  assert.deepEqual(parse({ CORS_ORIGINS: JSON.stringify(expected) }).config.corsOrigins, expected);
});

test('the public port and the api’s may be one', () => {
  assert.deepEqual(parse({ PORT: '8000' }).faults, []);
});

test('providers are those with a key, and the local server', () => {
  const { config } = parse({
    OPENAI_API_KEY: 'k',
    GOOGLE_API_KEY: 'g',
    OPENAI_COMPATIBLE_URL: 'http://localhost:11434/v1/',
  });
  assert.deepEqual(config.providers, {
    openai: { apiKey: 'k' },
    google: { apiKey: 'g' },
    compatible: { baseUrl: 'http://localhost:11434/v1' },
  });
});

test('the environment comes before .env, and a mounted file is read', () => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'from a file\n');
  writeFileSync(join(folder, '.env'), 'PORT=1\nHOST=one\n# comment\nPROJECT_NAME="From .env"\nSIGNUP=\n');
  const { env, faults } = readEnvironment(folder, { PORT: '2', HOST: '', OPENAI_API_KEY_FILE: secret });
  assert.deepEqual(faults, []);
  assert.equal(env.PORT, '2');
  assert.equal(env.HOST, undefined, 'set to nothing is not set');
  assert.equal(env.PROJECT_NAME, 'From .env');
  assert.equal(env.OPENAI_API_KEY, 'from a file');
  rmSync(join(folder, '.env'));
});

test('a mounted file that is missing, or given beside its value, is a fault', () => {
  const missing = readEnvironment(folder, { MASTER_KEY_FILE: join(folder, 'nowhere') });
  assert.match(missing.faults.join(), /MASTER_KEY_FILE names a file that cannot be read \(ENOENT\)/);
  const both = readEnvironment(folder, { MASTER_KEY: 'x', MASTER_KEY_FILE: join(folder, 'nowhere') });
  assert.deepEqual(both.faults, ['MASTER_KEY and MASTER_KEY_FILE are both set; keep one of them.']);
});

test('a misspelt setting of ours is warned of', () => {
  assert.deepEqual(unknownSettings({ PARLEY_PROFIL: 'x', PARLEY_PROFILE: 'testing', PATH: '/' }), ['PARLEY_PROFIL']);
});

test('development makes a master key once, readable by its owner only', () => {
  const dataDir = join(folder, 'data');
  const load = () => loadConfig(folder, '0.1.0', { env: { DATA_DIR: dataDir }, faults: [] }).config.masterKey;
  const first = load();
  assert.equal(first.length, 32);
  assert.deepEqual(load(), first);
  const path = join(dataDir, 'master.key');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(path, 'utf8').trim(), first.toString('base64'));
  writeFileSync(path, 'damaged');
  assert.throws(load, /does not hold a master key any more/);
});

test('a data folder that cannot be is a sentence', () => {
  writeFileSync(join(folder, 'file'), '');
  const env = { DATA_DIR: join(folder, 'file', 'below') };
  assert.throws(() => loadConfig(folder, '0.1.0', { env, faults: [] }), /DATA_DIR .* cannot be written \(ENOTDIR\)/);
  mkdirSync(join(folder, 'fine'));
});
