import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { amountOf, CURRENCIES, currencyName, isCurrency, money, places, typedOf } from './money.ts';

test('a price is typed in the currency’s own way and sent in minor units', () => {
  const cases = [
    ['19.99', 'EUR', 1_999],
    ['19,9', 'EUR', 1_990],
    ['0.29', 'USD', 29],
    ['1 299.50', 'CHF', 129_950],
    ['1’299.50', 'CHF', 129_950],
    ['1999', 'JPY', 1_999],
    ['5.', 'EUR', 500],
    ['1.005', 'KWD', 1_005],
    ['10000000000', 'EUR', 1_000_000_000_000],
  ] as const;
  for (const [typed, currency, amount] of cases) assert.deepEqual(amountOf(typed, currency), { amount }, typed);
});

test('what could mean two things, or nothing, is refused with the rule', () => {
  const problem = (typed: string, currency: 'EUR' | 'JPY' | 'KWD'): string => {
    const answer = amountOf(typed, currency);
    return 'problem' in answer ? answer.problem : '';
  };
  assert.equal(problem('1,299', 'EUR'), 'EUR has two places after the point.');
  assert.equal(problem('19.99', 'JPY'), 'JPY has no places after the point.');
  assert.match(problem('10000000000.01', 'EUR'), /^At most €10,000,000,000\.00/);
  for (const typed of ['', '-1', 'free', '1,299.50', '.5', '1e3', '٣'])
    assert.match(problem(typed, 'EUR'), /^A price like/);
});

test('whatever can be kept is typed back as it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), fc.constantFrom(...CURRENCIES), (amount, currency) => {
      assert.deepEqual(amountOf(typedOf({ amount, currency }), currency), { amount });
    }),
  );
});

test('money is written as one reads it, and exactly', () => {
  const shown = (
    [
      [1_999, 'EUR'],
      [1_999, 'JPY'],
      [1_005, 'KWD'],
      [5, 'USD'],
      [900_719_925_474_099_1, 'GBP'],
      [250_000, 'IQD'],
    ] as const
  ).map(([amount, currency]) => money({ amount, currency }).replaceAll('\u00a0', ' '));
  assert.deepEqual(shown, ['€19.99', 'JP¥1,999', 'KWD 1.005', 'US$0.05', '£90,071,992,547,409.91', 'IQD 250.000']);
});

test('currencies have places and names', () => {
  assert.deepEqual([places('EUR'), places('JPY'), places('KWD'), places('UGX')], [2, 0, 3, 0]);
  assert.equal(currencyName('EUR'), 'Euro');
  assert.deepEqual([isCurrency('EUR'), isCurrency('XXX'), isCurrency('')], [true, false, false]);
});
