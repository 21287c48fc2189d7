import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ApiDocument } from '@parley/sdk';
import { docsOf, endpointsOf, FORMS, formOf, matching } from './endpoints.ts';

const document: ApiDocument = JSON.parse(
  readFileSync(new URL('../../../../contracts/openapi.json', import.meta.url), 'utf8'),
);
const APP = readFileSync(new URL('../../app.tsx', import.meta.url), 'utf8');
const all = endpointsOf(document).flatMap(({ items }) => items);

test('every operation of the contract is an endpoint of the page, once, under its tag', () => {
  const told = Object.values(document.paths).flatMap((item) =>
    Object.values(item).flatMap((operation) => (operation?.operationId ? [operation.operationId] : [])),
  );
  assert(told.length > 60);
  assert.deepEqual(all.map(({ id }) => id).sort(), told.sort());
  assert(all.every(({ tag, summary }) => tag !== 'other' && summary !== ''));
});

test('a form is named only for operations that there are, and leads to a page that there is', () => {
  const ids = new Set(all.map(({ id }) => id));
  for (const [id, page] of Object.entries(FORMS)) {
    assert(ids.has(id), `${id} is no operation`);
    const pattern = page.startsWith('/settings/') ? '/settings/:section' : page;
    assert(APP.includes(`pattern: '${pattern}'`), `${page} is no page`);
  }
  assert.equal(formOf('toString'), undefined);
});

test('what a person does has a form; what only programs do leads to the docs', () => {
  const without = all.filter(({ id }) => formOf(id) === undefined).map(({ id }) => id);
  assert.deepEqual(without.sort(), [
    ...['acceptInvitation', 'claimTurn', 'createChatCompletion', 'createTicket', 'getGeneration', 'getJwks'],
    ...['getModel', 'invokeAgent', 'listAuditLog', 'openSocket', 'register', 'revokeToken', 'token', 'verifyAuditLog'],
  ]);
  assert.equal(docsOf('operations', 'getSystem'), '/docs#/operations/getSystem');
});

test('an endpoint is found by path, name, summary and permission', () => {
  const found = (typed: string): string[] =>
    matching(endpointsOf(document), typed).flatMap(({ items }) => items.map(({ id }) => id));
  assert.deepEqual(found('post /api/v1/products'), ['createProduct']);
  assert(found('products:write').includes('archiveProduct') && !found('products:write').includes('getProduct'));
  assert.deepEqual(found('nothing is called that'), []);
  assert.equal(found('').length, all.length);
});
