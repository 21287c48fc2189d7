import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import parse, { type Family } from 'parse-prometheus-text-format';
import { uuidv7 } from '../../src/lib/ids.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { createTracer, newTrace, type Span } from '../../src/platform/telemetry/trace.ts';
import { until } from '../support/log.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { FIXTURES } from './fixtures.ts';
import { send, UNHURRIED } from './support.ts';

type Line = Readonly<Record<string, unknown>>;

/** What a process tells of its work: all of it, gathered. */
function witness() {
  const lines: Line[] = [];
  const spans: string[] = [];
  const source = {
    start(name: string, parent: Parameters<typeof newTrace>[0] | unknown): Span {
      void parent;
      spans.push(name);
      return { trace: newTrace(true), set() {}, fail() {}, end() {} };
    },
    close: async () => {},
  };
  return {
    lines,
    spans,
    log: createLog({ level: 'debug', write: (line) => void lines.push(JSON.parse(line)) }),
    // Everything is sampled: what a caller decided is carried on elsewhere.
    tracer: {
      ...createTracer({ source }),
      start: source.start,
      async within<T>(name: string, _parent: unknown, fn: (span: Span) => Promise<T>): Promise<T> {
        return fn(source.start(name, undefined));
      },
    },
  };
}

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: string };

/** The samples of a text, by their names; the parser knows families, but takes all histograms of one for the same. */
function samplesOf(text: string): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', inner = '', value = ''] =
      /^([a-z][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
    const labels = [...inner.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/g)].map(([, label, text]) => [label, text]);
    samples.set(name, [...(samples.get(name) ?? []), { labels: Object.fromEntries(labels), value }]);
  }
  return samples;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

describe('whatever is done leaves a log line, a metric and a span', () => {
  const seen = witness();
  let world: World;
  let owner: Member;
  let families: Map<string, Family>;
  let samples: Map<string, Sample[]>;
  let text: string;
  const statuses = new Map<string, number>();

  before(async () => {
    world = await createWorld({ app: { ...UNHURRIED, log: seen.log, tracer: seen.tracer } });
    await world.settle();
    await world.restart(async () => {
      // Schedules that are not due for hours are, so that each of them runs.
      await world.database.db.system.run(sql`update schedules set next_run_at = now() - interval '1 second'`);
      seen.lines.length = 0;
      seen.spans.length = 0;
    });
    owner = await world.signUp();
    const authorization = `Bearer ${owner.token}`;
    for (const route of world.app.http.routes) {
      const { operationId } = route.spec;
      const made = await FIXTURES[operationId]?.({ world, owner, mark: 'observed' });
      if (made) statuses.set(operationId, (await send(world, route, made, { authorization })).status);
    }
    await world.settle();
    // Kinds that nothing of the above has set in motion are given something that they cannot use: an attempt all the same.
    const tenant = (await world.signUp()).tenantId;
    for (const kind of world.app.runs?.kinds ?? [])
      await world.db.system.run(sql`
        insert into jobs (tenant_id, id, kind, key, payload, run_at)
        values (${tenant}, ${uuidv7()}, ${kind}, 'observed', '{}'::jsonb, now())`);
    await until(() => (world.app.runs?.kinds ?? []).every((kind) => lineOf({ job_kind: kind })));
    await until(() => (world.app.runs?.schedules ?? []).every((name) => lineOf({ schedule: name })));
    const answer = await fetch(`http://127.0.0.1:${world.app.internal.port}/metrics`);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const texts = await world.metrics();
    text = texts.join('\n');
    samples = samplesOf(text);
    families = new Map(texts.flatMap((one) => parse(one).map((family) => [family.name, family])));
  });
  after(() => world.stop());

  const lineOf = (fields: Line) =>
    seen.lines.find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
  const sampleOf = (name: string, labels: Record<string, string>) =>
    samples
      .get(name)
      ?.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      // Of whoever has done it, where there are many.
      .sort((one, other) => Number(other.value) - Number(one.value))[0];

  test('every route', () => {
    for (const { method, urls, spec } of world.app.http.routes) {
      const route = urls[0] as string;
      assert.ok(statuses.has(spec.operationId), `${spec.operationId} was asked`);
      const line = lineOf({ message: 'request', method, route });
      assert.ok(line, `a log line of ${method} ${route}`);
      assert.equal(typeof line.request_id, 'string');
      assert.equal(typeof line.trace_id, 'string');
      assert.ok(sampleOf('http_request_duration_seconds_count', { method, route }), `a metric of ${method} ${route}`);
      assert.ok(seen.spans.includes(route), `a span of ${route}`);
    }
  });

  test('every consumer', () => {
    const groups = world.app.runs?.groups ?? [];
    assert.ok(groups.length > 1);
    for (const group of groups) {
      assert.ok(lineOf({ message: 'an event was handled', group })?.event_id, `a log line of ${group}`);
      const handled = sampleOf('consumer_events_total', { group, outcome: 'handled' });
      assert.ok(Number(handled?.value) > 0, `a metric of ${group}`);
      assert.ok(sampleOf('consumer_handling_seconds_count', { group }), `a histogram of ${group}`);
      assert.equal(samples.get('consumer_lag_events')?.filter(({ labels }) => labels.group === group).length, 8);
      assert.ok(
        seen.spans.some((name) => name.startsWith(`${group} `)),
        `a span of ${group}`,
      );
    }
  });

  test('every kind of job', () => {
    const kinds = world.app.runs?.kinds ?? [];
    assert.ok(kinds.length > 2);
    for (const kind of kinds) {
      assert.ok(lineOf({ message: 'a job ended', job_kind: kind })?.job_id, `a log line of ${kind}`);
      assert.ok(sampleOf('jobs_ended_total', { kind }), `a metric of ${kind}`);
      assert.ok(sampleOf('job_duration_seconds_count', { kind }), `a histogram of ${kind}`);
      assert.ok(seen.spans.includes(`job ${kind}`), `a span of ${kind}`);
    }
  });

  test('every schedule', () => {
    const schedules = world.app.runs?.schedules ?? [];
    assert.ok(schedules.length > 2);
    for (const schedule of schedules) {
      assert.ok(lineOf({ message: 'a schedule ran', schedule }), `a log line of ${schedule}`);
      const runs = sampleOf('schedule_runs_total', { schedule, outcome: 'ok' });
      assert.ok(Number(runs?.value) > 0, `a metric of ${schedule}`);
      assert.ok(seen.spans.includes(`schedule ${schedule}`), `a span of ${schedule}`);
    }
  });

  test('the metrics parse, each with a help text and a type, and no label holds what somebody sent', () => {
    for (const { metrics } of world.apps) {
      const names = metrics.describe().map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
    }
    for (const { name, help, type, labels } of world.apps.flatMap(({ metrics }) => metrics.describe())) {
      assert.match(name, /^[a-z][a-z0-9_]*$/);
      assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
      assert.match(help, /^[A-Z0-9].+\.$/s, `${name}: ${help}`);
      const family = families.get(name);
      assert.equal(family?.help, help, name);
      assert.equal(family?.type, type.toUpperCase(), name);
      const own = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name];
      for (const sample of own.flatMap((one) => samples.get(one) ?? [])) {
        const given = Object.keys(sample.labels).filter((label) => label !== 'le' || type !== 'histogram');
        assert.deepEqual(given.sort(), [...labels].sort(), name);
        assert.ok(Number.isFinite(Number(sample.value)), `${name} ${sample.value}`);
      }
    }
    assert.doesNotMatch(text, UUID);
    assert.doesNotMatch(text, /observed|tenant_id|@/);
  });

  test('the numbers of the business are there', () => {
    const value = (name: string, labels: Record<string, string> = {}) => Number(sampleOf(name, labels)?.value ?? 0);
    assert.ok(value('discussions', { status: 'created' }) > 0);
    assert.ok(value('discussion_turns_total', { outcome: 'begun' }) > 0);
    assert.ok(value('discussion_messages_total', { author: 'agent' }) > 0);
    assert.ok(value('model_tokens_total', { provider: 'rehearsal', direction: 'output' }) > 0);
    assert.ok(value('events_total', { type: 'agent_registered' }) > 0);
    assert.ok((samples.get('dead_letters_present') ?? []).length > 0);
  });
});
