import { setTimeout as delay } from 'node:timers/promises';
import { Type } from 'typebox';
import { connect } from '../../src/platform/db/connection.ts';
import type { Tx } from '../../src/platform/db/queries.ts';
import { type Announcements, createAnnouncements } from '../../src/platform/events/announcements.ts';
import { defineEvent, type LogEvent } from '../../src/platform/events/define.ts';
import { createFeed, type Feed } from '../../src/platform/events/feed.ts';
import { append } from '../../src/platform/events/outbox.ts';
import { createEventTypes } from '../../src/platform/events/registry.ts';
import { createSequencer, type Sequencer } from '../../src/platform/events/sequencer.ts';
import { shardOf } from '../../src/platform/events/shards.ts';
import { readShard } from '../../src/platform/events/sql.ts';
import type { Tail } from '../../src/platform/events/tail.ts';
import { createMemoryTail } from '../../src/platform/events/tail-memory.ts';
import { createLeases, type Leases } from '../../src/platform/leases/leases.ts';
import { silentLog } from '../../src/platform/telemetry/log.ts';
import { type TestDatabase, testDatabase } from './database.ts';

/** An event for tests of the platform, which knows no module. */
export const noted = defineEvent({
  type: 'noted',
  version: 1,
  topic: 'discussions',
  description: 'Something was noted.',
  schema: Type.Object({ n: Type.Integer(), writer: Type.Optional(Type.Integer()) }),
  example: { n: 1 },
});

export type Noted = LogEvent<{ n: number; writer?: number }>;

export const note = (tx: Tx, stream: string, n: number, writer = 0): string =>
  append(tx, noted, { stream, subject: stream, data: { n, writer } });

/** A database with an outbox, and what one process does around its log. */
export type TestLog = TestDatabase & {
  readonly announcements: Announcements;
  /** A process with leases, sequencer and feed of its own, on the same database. */
  process(options?: { tail?: Tail }): Promise<TestProcess>;
  /** Runs a statement as the owner of the tables: what no role of the product may. */
  asOwner(text: string): Promise<void>;
  /** The shard's whole log, as it is in the database. */
  events(tenantId: string): Promise<Noted[]>;
};

export type TestProcess = {
  readonly leases: Leases;
  readonly sequencer: Sequencer;
  readonly feed: Feed;
  readonly tail: Tail;
  stop(): Promise<void>;
};

export async function testLog(): Promise<TestLog> {
  const announcements = createAnnouncements();
  const database = await testDatabase({ writeOutbox: announcements.writeOutbox });
  const { db } = database;
  const types = createEventTypes();
  types.register([noted]);
  const log = silentLog;
  const stops: (() => Promise<void>)[] = [];
  return {
    ...database,
    announcements,
    async process({ tail = createMemoryTail() } = {}) {
      const leases = createLeases({ db, log });
      const sequencer = createSequencer({ db, leases, tail, types, log });
      const feed = createFeed({ db, tail, types, log });
      await leases.start();
      await feed.start();
      await sequencer.start();
      const unlisten = announcements.listen((events) => sequencer.nudge(events));
      const stop = async () => {
        unlisten();
        for (const service of [sequencer, feed, leases]) await service.stop(1000);
      };
      stops.push(stop);
      return { leases, sequencer, feed, tail, stop };
    },
    async asOwner(text) {
      const client = await connect(database.url, { applicationName: 'parley test' });
      try {
        await client.query(text);
      } finally {
        await client.end();
      }
    },
    async events(tenantId) {
      const rows = await db.system.all(readShard(shardOf(tenantId), 0, 1_000_000));
      return rows.map((row) => types.read(row, '') as Noted);
    },
    async close() {
      for (const stop of stops) await stop();
      await database.close();
    },
  };
}

/** Waits until `check` holds; only where no component can be asked to settle. */
export async function until(check: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error('Waited in vain');
    await delay(5);
  }
}
