import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EVENT_TYPES } from './event-types.ts';

const FOLDER = new URL('../../../contracts/events/', import.meta.url);

test('the console knows every type of event of the contract, under its topic', () => {
  const contract = new Set(
    readdirSync(FOLDER).map((file) => {
      const { title, 'x-topic': topic } = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
      return `${topic}/${title}`;
    }),
  );
  const known = Object.entries(EVENT_TYPES).flatMap(([topic, types]) => types.map((type) => `${topic}/${type}`));
  assert.deepEqual(known.sort(), [...contract].sort());
});
