import assert from 'node:assert/strict';
import test from 'node:test';
import { root } from '../lib/say.ts';
import { secretFaults } from './secrets.ts';

// Put together at run time, so that this file does not hold what it looks for.
const bad = {
  'a private key': ['-----BEGIN EC PRIVATE', 'KEY-----'].join(' '),
  'an AWS access key': `AKIA${'ABCDEFGH'.repeat(2)}`,
  'a GitHub token': `ghp_${'a1B2'.repeat(9)}`,
  'an npm token': `//registry.example/:_authToken=${'x'.repeat(10)}`,
  'an OpenAI or Anthropic key': `key: 'sk-${'a1b2'.repeat(9)}'`,
  'a signed token': `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(30)}`,
  "a password in a database's address": `postgresql://parley:${'hunter2hunter2'}@db.example/parley`,
  "a person's folder": `/home/${'ada'}/parley/src`,
  "this machine's folder": `see ${root}/src`,
};

for (const [what, line] of Object.entries(bad))
  test(`refuses ${what}`, () => {
    assert.ok(secretFaults('a.ts', `ok\n${line}\n`).some((fault) => fault === `a.ts:2 holds ${what}.`));
  });

test('refuses a download address in a lockfile, and a key in it is just a checksum', () => {
  const line = `"resolved": "${'https'}://registry.example/x.tgz"`;
  assert.equal(secretFaults('package-lock.json', line).length, 1);
  assert.deepEqual(secretFaults('package-lock.json', `"integrity": "sha512-sk-${'a1b2'.repeat(9)}"`), []);
});

test('lets ordinary code and an excused line pass', () => {
  assert.deepEqual(
    secretFaults('a.ts', "import { x } from './src/home/x.ts'; const url = 'postgres://localhost/p';"),
    [],
  );
  assert.deepEqual(secretFaults('a.ts', `${bad['an AWS access key']} // not a secret: documentation's example`), []);
});
