import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emailKey, networkOf, passwordFault } from './rules.ts';

test('an email is looked up whatever its case, form and spaces around', () => {
  for (const text of ['ada@example.com', 'Ada@Example.COM', '  ada@example.com ', 'ada@example.com\n'])
    assert.equal(emailKey(text), 'ada@example.com', JSON.stringify(text));
  assert.equal(emailKey('jose\u0301@example.com'), emailKey('jos\u00e9@example.com'));
});

test('what is no email has a key that no account has, and that can be stored', () => {
  for (const text of ['', 'ada', '@example.com', 'a b@example.com', 'a\u0000@example.com', `${'a'.repeat(65)}@x.y`])
    assert.match(emailKey(text), /^![0-9a-f]{64}$/, JSON.stringify(text));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const key = emailKey(text);
      assert.ok(key.length <= 254 && key.isWellFormed() && !key.includes('\0'));
    }),
  );
});

test('passwords: length counts characters, and the commonest are refused', () => {
  const email = 'ada.lovelace@example.com';
  const good = ['correct horse', 'ÄÖÜäöüß-ÄÖÜ', '🙂🙃🙂🙃 four moods', `${'x'.repeat(60)}yzq`, 'tr0ub4dor&3!'];
  for (const password of good) assert.equal(passwordFault(password, email), undefined, password);
  const bad: [password: string, fault: RegExp][] = [
    ['', /at least 10/],
    ['short-9ch', /at least 10/],
    ['🙂🙃🙂🙃🙂🙃🙂🙃🙂', /at least 10/],
    ['e\u0301'.repeat(5), /at least 10/],
    [`long ${'abcd '.repeat(25)}`, /at most 128/],
    ['password123', /commonest/],
    ['PassWord123', /commonest/],
    ['Qwertyuiop', /commonest/],
    ['aaaaaaaaaa', /commonest/],
    ['abababababab', /commonest/],
    ['12345678901', /commonest/],
    ['abcdefghijk', /commonest/],
    ['lkjihgfedcba', /commonest/],
    ['wxyzwxyzwxyz', /commonest/],
    ['Ada.Lovelace', /email/],
    ['Ada.Lovelace@example.com', /email/],
  ];
  for (const [password, fault] of bad) assert.match(passwordFault(password, email) ?? 'none', fault, password);
});

test('a network is told without the address', () => {
  for (const [ip, network] of [
    ['192.0.2.77', '192.0.2.0/24'],
    ['::ffff:192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:7:1::5', '2001:db8:7::/48'],
    ['2001:db8::5', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['', 'unknown'],
    ['somewhere', 'unknown'],
  ] as const)
    assert.equal(networkOf(ip), network, ip);
});
