import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CURRENCIES } from '../../lib/currencies.ts';
import { changed, etagOf, nameOf, versionsIn } from './rules.ts';
import { MAX_STOCK } from './schemas.ts';
import type { ProductRow } from './store.ts';

const ROW: ProductRow = {
  ...{ id: '01920000-0000-7000-8000-000000000001', sku: 'T-1', name: 'Tea', description: 'Black.' },
  ...{ amount: 1_490, currency: 'EUR', image_url: 'https://example.com/tea.png', attributes: { grams: 250 } },
  ...{ version: 3, created_at: new Date(0), updated_at: new Date(0), archived_at: null },
  ...{ stock: 10, reserved: 2, revision: 17 },
};

test('what a change does not name stays, and null takes away', () => {
  const { contents, stock, archived } = changed(ROW, { price: { amount: 0, currency: 'JPY' }, sku: null });
  assert.deepEqual(contents, {
    ...{ sku: null, name: 'Tea', description: 'Black.', amount: 0, currency: 'JPY' },
    ...{ image_url: 'https://example.com/tea.png', attributes: { grams: 250 } },
  });
  assert.deepEqual([stock, archived], [10, false]);
  assert.equal(changed(ROW, { image_url: null }).contents.image_url, null);
});

test('stock is set, or moved by a difference, and never below nothing', () => {
  for (const [change, after] of [
    [{ stock: 0 }, 0],
    [{ stock_change: 5 }, 15],
    [{ stock_change: -10 }, 0],
    [{ stock: 4, stock_change: 0 }, 4],
  ] as const)
    assert.equal(changed(ROW, change).stock, after);
  assert.throws(() => changed(ROW, { stock_change: -11 }), { code: 'conflict', details: { stock: 10 } });
  assert.throws(() => changed(ROW, { stock_change: MAX_STOCK }), { code: 'validation_failed' });
  assert.throws(() => changed(ROW, { stock: 1, stock_change: 1 }), { code: 'validation_failed' });
});

test('an event says what was done', () => {
  const gone = { ...ROW, archived_at: new Date(0) };
  assert.equal(nameOf(ROW, changed(ROW, { name: 'x' })), 'updated');
  assert.equal(nameOf(ROW, changed(ROW, { archived: true, name: 'x' })), 'archived');
  assert.equal(nameOf(gone, changed(gone, { archived: false })), 'restored');
  assert.equal(nameOf(gone, changed(gone, { archived: true })), 'updated');
});

test('If-Match takes our ETags by their version, bare versions, lists and the star', () => {
  assert.equal(etagOf(ROW), '"v3.17"');
  for (const [header, versions] of [
    [undefined, 'any'],
    ['*', 'any'],
    ['"v3.17"', [3]],
    ['"v3"', [3]],
    ['"3"', [3]],
    ['"v3.17", "v4.18"', [3, 4]],
    // A weak tag never matches strongly; nor does what is none of ours.
    ['W/"v3.17"', []],
    ['"x"', []],
  ] as const)
    assert.deepEqual(versionsIn(header), versions, String(header));
});

test('currencies are what the platform knows as such', () => {
  // CLDR learns of a new one a little later, and of the bolívar's second code not at all.
  const known = new Set([...Intl.supportedValuesOf('currency'), 'VED', 'XCG', 'ZWG']);
  assert.deepEqual(
    CURRENCIES.filter((code) => !known.has(code)),
    [],
  );
  assert.deepEqual([...CURRENCIES], [...new Set(CURRENCIES)].sort());
});
