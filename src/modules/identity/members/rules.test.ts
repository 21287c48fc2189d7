import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permissionsOf, ROLES, type Role } from '../../../platform/auth/permissions.ts';
import { keepsAnOwner, mayGrant } from './rules.ts';

test('everybody may grant their own role and those below it', () => {
  const grants = (granter: Role) => ROLES.filter((role) => mayGrant(permissionsOf([granter]), [role]));
  assert.deepEqual(grants('owner'), ['owner', 'admin', 'developer', 'operator', 'viewer']);
  assert.deepEqual(grants('admin'), ['admin', 'developer', 'operator', 'viewer']);
  assert.deepEqual(grants('developer'), ['developer', 'operator', 'viewer']);
  assert.deepEqual(grants('operator'), ['operator', 'viewer']);
  assert.deepEqual(grants('viewer'), ['viewer']);
});

test('roles together are what the granter must have', () => {
  assert.ok(!mayGrant(permissionsOf(['admin']), ['viewer', 'owner']));
  assert.ok(mayGrant(permissionsOf(['viewer', 'operator']), ['operator']));
  assert.ok(mayGrant(new Set(), []));
});

test('the last owner stays one', () => {
  assert.ok(!keepsAnOwner(['a'], 'a', []));
  assert.ok(!keepsAnOwner(['a'], 'a', ['admin']));
  assert.ok(keepsAnOwner(['a'], 'a', ['admin', 'owner']));
  assert.ok(keepsAnOwner(['a', 'b'], 'a', []));
  assert.ok(keepsAnOwner(['a'], 'b', []));
});
