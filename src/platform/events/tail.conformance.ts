import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { uuidv7 } from '../../lib/ids.ts';
import type { LogEvent } from './define.ts';
import type { Tail } from './tail.ts';

export type TailSetup = {
  /** A tail, as one process opens it; several of one setup share what is behind them, where anything is. */
  open(): Promise<Tail>;
  close(): Promise<void>;
};

/** An event at a position, as the sequencer hands it over. */
export function eventAt(position: number, data: unknown = {}): LogEvent {
  return {
    specversion: '1.0',
    id: uuidv7(),
    source: 'parley',
    type: 'noted',
    time: '2026-01-02T03:04:05.678Z',
    subject: 'x',
    datacontenttype: 'application/json',
    data,
    dataversion: 1,
    tenantid: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22',
    stream: 'discussions/x',
    position,
    epoch: 'e1',
  };
}

/** Collects what is followed; `reached` resolves once so many events have come. */
function collector() {
  const events: LogEvent[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    events,
    positions: () => events.map(({ position }) => position),
    listener: (batch: readonly LogEvent[]) => {
      events.push(...batch);
      for (const { count, resolve } of waiting) if (events.length >= count) resolve();
    },
    reached: (count: number) =>
      new Promise<void>((resolve) => {
        if (events.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}

/** What every tail must do. What it may do besides (lose, repeat) is the feed's business, and tested there. */
export function tailConformance(name: string, setUp: () => Promise<TailSetup>): void {
  let setup: TailSetup;
  let tail: Tail;
  before(async () => {
    setup = await setUp();
    tail = await setup.open();
  });
  after(async () => {
    // What did not open must not keep the rest from being closed: a run would wait for it for ever.
    await tail?.close();
    await setup?.close();
  });

  test(`${name}: delivers events whole and in their order`, async () => {
    const seen = collector();
    const stop = tail.follow(0, seen.listener);
    const sent = [eventAt(1, { text: 'ä\n"💬"', list: [1, null] }), eventAt(2), eventAt(3)];
    tail.publish(0, sent.slice(0, 2));
    tail.publish(0, sent.slice(2));
    await seen.reached(3);
    assert.deepEqual(seen.events, sent);
    stop();
  });

  test(`${name}: keeps shards apart`, async () => {
    const one = collector();
    const two = collector();
    const stops = [tail.follow(1, one.listener), tail.follow(2, two.listener)];
    tail.publish(2, [eventAt(5)]);
    tail.publish(1, [eventAt(7)]);
    await Promise.all([one.reached(1), two.reached(1)]);
    assert.deepEqual([one.positions(), two.positions()], [[7], [5]]);
    for (const stop of stops) stop();
  });

  test(`${name}: reaches every follower, and those who stopped no more`, async () => {
    const gone = collector();
    const first = collector();
    const second = collector();
    const stop = tail.follow(3, gone.listener);
    const stops = [tail.follow(3, first.listener), tail.follow(3, second.listener)];
    stop();
    stop();
    tail.publish(3, [eventAt(1), eventAt(2)]);
    await Promise.all([first.reached(2), second.reached(2)]);
    assert.deepEqual(first.positions(), [1, 2]);
    assert.deepEqual(second.positions(), [1, 2]);
    assert.deepEqual(gone.positions(), []);
    for (const stop of stops) stop();
  });

  test(`${name}: tells only what is published from then on`, async () => {
    tail.publish(4, [eventAt(1)]);
    const seen = collector();
    const stop = tail.follow(4, seen.listener);
    tail.publish(4, [eventAt(2)]);
    await seen.reached(1);
    assert.equal(seen.positions().at(-1), 2);
    stop();
  });

  test(`${name}: publishing nothing, or to nobody, is nothing`, () => {
    tail.publish(5, []);
    tail.publish(5, [eventAt(1)]);
  });

  test(`${name}: closes twice, and is silent afterwards`, async () => {
    const other = await setup.open();
    const seen = collector();
    other.follow(6, seen.listener);
    await other.close();
    await other.close();
    other.publish(6, [eventAt(1)]);
    assert.deepEqual(seen.positions(), []);
  });
}
