import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { uuidv7 } from '../../lib/ids.ts';
import { AppError } from '../http/errors.ts';
import { createVerifier } from './verify.ts';

const ISSUER = 'https://parley.example';
const AUDIENCE = 'https://parley.example/api/v1';
const NOW = 1_800_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');

const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'key-1' };
const claims = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: uuidv7(),
  tid: uuidv7(),
  sid: uuidv7(),
  jti: uuidv7(),
  iat: NOW,
  exp: NOW + 600,
};

const base64url = (text: string | Buffer) => Buffer.from(text).toString('base64url');
function token(change: { header?: object; claims?: object; key?: KeyObject } = {}): string {
  const signed = `${base64url(JSON.stringify(change.header ?? header))}.${base64url(JSON.stringify(change.claims ?? claims))}`;
  return `${signed}.${base64url(sign(null, Buffer.from(signed), change.key ?? privateKey))}`;
}

function verifier({ now = NOW, keys = { 'key-1': publicKey }, cacheSize = 100 } = {}) {
  const clock = { seconds: now };
  const asked: string[] = [];
  const keyOf = async (kid: string) => {
    asked.push(kid);
    return (keys as Record<string, KeyObject>)[kid];
  };
  const verify = createVerifier({
    ...{ issuer: ISSUER, audience: AUDIENCE, cacheSize, keyOf },
    clock: { now: () => new Date(clock.seconds * 1_000) },
  });
  return { verify, clock, asked };
}

const refused =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof AppError && error.code === code;

const without = (name: string) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
const parts = token().split('.') as [string, string, string];
const resigned = (head: string, body: string) =>
  `${head}.${body}.${base64url(sign(null, Buffer.from(`${head}.${body}`), privateKey))}`;

/** Name → a token that must be refused although, where it can be, it is signed with the right key. */
const MALFORMED: Record<string, string> = {
  nothing: '',
  'one part': parts[0],
  'two parts': `${parts[0]}.${parts[1]}`,
  'four parts': `${token()}.${parts[2]}`,
  'five parts, as of a JWE': `${token()}.${parts[1]}.${parts[2]}`,
  'empty header': `.${parts[1]}.${parts[2]}`,
  'empty payload': `${parts[0]}..${parts[2]}`,
  'empty signature': `${parts[0]}.${parts[1]}.`,
  'padding in the header': resigned(`${parts[0]}=`, parts[1]),
  'padding after the signature': `${token()}==`,
  'white space before': ` ${token()}`,
  'white space after': `${token()} `,
  'a line break inside': `${parts[0]}.\n${parts[1]}.${parts[2]}`,
  'standard base64 alphabet': token().replace(/[-_]/g, '+').concat('+'),
  'stray bits in the signature': `${parts[0]}.${parts[1]}.${strayBits(parts[2])}`,
  'longer than the cap': token({ claims: { ...claims, extra: 'x'.repeat(3_000) } }),
  'short signature': `${parts[0]}.${parts[1]}.${parts[2].slice(0, 40)}`,
  'long signature': `${parts[0]}.${parts[1]}.${parts[2]}${'A'.repeat(10)}`,
  'signature of zeros': `${parts[0]}.${parts[1]}.${base64url(Buffer.alloc(64))}`,
  'another key': token({ key: stranger.privateKey }),
  'changed payload': `${parts[0]}.${base64url(JSON.stringify({ ...claims, sub: uuidv7() }))}.${parts[2]}`,
  'changed header': `${base64url(JSON.stringify({ ...header, kid: 'key-2' }))}.${parts[1]}.${parts[2]}`,
  'alg none': `${base64url(JSON.stringify({ ...header, alg: 'none' }))}.${parts[1]}.`,
  'alg none, signed': token({ header: { ...header, alg: 'none' } }),
  'alg missing': token({ header: { typ: 'at+jwt', kid: 'key-1' } }),
  'alg eddsa in lower case': token({ header: { ...header, alg: 'eddsa' } }),
  'alg Ed25519': token({ header: { ...header, alg: 'Ed25519' } }),
  'alg in a list': token({ header: { ...header, alg: ['EdDSA'] } }),
  'alg ES256': token({ header: { ...header, alg: 'ES256' } }),
  'alg RS256': token({ header: { ...header, alg: 'RS256' } }),
  'alg HS256 with the public key': hmacWithPublicKey(),
  'typ missing': token({ header: { alg: 'EdDSA', kid: 'key-1' } }),
  'typ JWT': token({ header: { ...header, typ: 'JWT' } }),
  'typ of an id token': token({ header: { ...header, typ: 'id_token+jwt' } }),
  'typ in capitals': token({ header: { ...header, typ: 'AT+JWT' } }),
  'kid missing': token({ header: { alg: 'EdDSA', typ: 'at+jwt' } }),
  'kid unknown': token({ header: { ...header, kid: 'key-9' } }),
  'kid a number': token({ header: { ...header, kid: 1 } }),
  'kid empty': token({ header: { ...header, kid: '' } }),
  'kid a path': token({ header: { ...header, kid: '../../etc/passwd' } }),
  'kid a URL': token({ header: { ...header, kid: 'https://evil.example/key' } }),
  'kid with SQL': token({ header: { ...header, kid: "' or 1=1 --" } }),
  'kid __proto__': token({ header: { ...header, kid: '__proto__' } }),
  crit: token({ header: { ...header, crit: ['exp'] } }),
  'crit empty': token({ header: { ...header, crit: [] } }),
  'b64 false': token({ header: { ...header, b64: false, crit: ['b64'] } }),
  jku: token({ header: { ...header, jku: 'https://evil.example/jwks.json' } }),
  x5u: token({ header: { ...header, x5u: 'https://evil.example/cert.pem' } }),
  x5c: token({ header: { ...header, x5c: ['AAAA'] } }),
  'its own jwk': token({
    header: { ...header, jwk: stranger.publicKey.export({ format: 'jwk' }) },
    key: stranger.privateKey,
  }),
  zip: token({ header: { ...header, zip: 'DEF' } }),
  cty: token({ header: { ...header, cty: 'JWT' } }),
  'header not JSON': resigned(base64url('EdDSA'), parts[1]),
  'header a list': resigned(base64url('["EdDSA"]'), parts[1]),
  'header null': resigned(base64url('null'), parts[1]),
  'header with a byte order mark': resigned(base64url(`\ufeff${JSON.stringify(header)}`), parts[1]),
  'header not UTF-8': resigned(base64url(Buffer.from([0x7b, 0xff, 0x7d])), parts[1]),
  'payload not JSON': resigned(parts[0], base64url('{')),
  'payload a list': resigned(parts[0], base64url('[]')),
  'payload a string': resigned(parts[0], base64url('"x"')),
  'payload not UTF-8': resigned(parts[0], base64url(Buffer.from([0x22, 0xc3, 0x28, 0x22]))),
  'another issuer': token({ claims: { ...claims, iss: 'https://evil.example' } }),
  'issuer with a slash more': token({ claims: { ...claims, iss: `${ISSUER}/` } }),
  'issuers in a list': token({ claims: { ...claims, iss: [ISSUER] } }),
  'another audience': token({ claims: { ...claims, aud: 'https://other.example' } }),
  'audiences in a list': token({ claims: { ...claims, aud: [AUDIENCE] } }),
  'sub not an id': token({ claims: { ...claims, sub: 'admin' } }),
  'tid not an id': token({ claims: { ...claims, tid: '*' } }),
  'sid a number': token({ claims: { ...claims, sid: 7 } }),
  'iat as text': token({ claims: { ...claims, iat: String(NOW) } }),
  'exp as text': token({ claims: { ...claims, exp: String(NOW + 600) } }),
  'exp fractional': token({ claims: { ...claims, exp: NOW + 0.5 } }),
  'exp negative': token({ claims: { ...claims, exp: -1 } }),
  'exp before iat': token({ claims: { ...claims, exp: NOW - 1 } }),
  'exp of ten years': token({ claims: { ...claims, exp: NOW + 315_360_000 } }),
  'iat in the future': token({ claims: { ...claims, iat: NOW + 31, exp: NOW + 600 } }),
  'nbf in the future': token({ claims: { ...claims, nbf: NOW + 31 } }),
  'nbf as text': token({ claims: { ...claims, nbf: '0' } }),
  ...Object.fromEntries(
    ['iss', 'aud', 'sub', 'tid', 'sid', 'jti', 'iat', 'exp'].map((name) => [
      `${name} missing`,
      token({ claims: without(name) }),
    ]),
  ),
};

describe('an access token', () => {
  test('of ours is taken, with what it says', async () => {
    assert.deepEqual(await verifier().verify(token()), claims);
  });

  for (const [name, text] of Object.entries(MALFORMED)) {
    test(`is refused: ${name}`, async () => {
      await assert.rejects(verifier().verify(text), refused('unauthenticated'));
    });
  }

  test('is good for its time and the skew, and then said to have expired', async () => {
    for (const [now, good] of [
      [NOW - 30, true],
      [NOW + 629, true],
      [NOW + 630, false],
      [NOW + 100_000, false],
    ] as const) {
      const attempt = verifier({ now }).verify(token());
      if (good) assert.equal((await attempt).sub, claims.sub);
      else await assert.rejects(attempt, refused('token_expired'));
    }
  });

  test('is verified once, then found by its text; its end is checked at each hit', async () => {
    const { verify, clock, asked } = verifier();
    const text = token();
    await verify(text);
    await verify(text);
    assert.deepEqual(asked, ['key-1']);
    clock.seconds = NOW + 700;
    await assert.rejects(verify(text), refused('token_expired'));
  });

  test('that was refused is not kept, and the oldest makes room when the cache is full', async () => {
    const { verify, asked } = verifier({ cacheSize: 2 });
    const [first, second, third] = [1, 2, 3].map(() => token({ claims: { ...claims, jti: uuidv7() } })) as [
      string,
      string,
      string,
    ];
    for (const text of [first, second, third, third, second]) await verify(text);
    assert.equal(asked.length, 3);
    await verify(first);
    assert.equal(asked.length, 4);
    const forged = token({ key: stranger.privateKey });
    await assert.rejects(verify(forged), refused('unauthenticated'));
    await assert.rejects(verify(forged), refused('unauthenticated'));
    assert.equal(asked.length, 6);
  });
});

/** The same 64 bytes in another spelling: the last character's unused bits are set. */
function strayBits(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(signature.at(-1) as string);
  return signature.slice(0, -1) + alphabet[last | 1];
}

function hmacWithPublicKey(): string {
  const signed = `${base64url(JSON.stringify({ ...header, alg: 'HS256' }))}.${parts[1]}`;
  const pem = publicKey.export({ format: 'pem', type: 'spki' });
  return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
}
