import { createApp } from '../../src/app.ts';
import { parseConfig } from '../../src/platform/config/config.ts';
import { silentLog } from '../../src/platform/telemetry/log.ts';
import type { MetricDescription } from '../../src/platform/telemetry/metrics.ts';

type Group = { readonly title: string; readonly metrics: Readonly<Record<string, string>> };

/** What each metric is good for: what it tells, and from when on somebody should look. */
const GROUPS: readonly Group[] = [
  {
    title: 'Requests',
    metrics: {
      http_request_duration_seconds:
        'Rate, errors and latency of every route, by its template. Worry about a rising share of `status="500"` or `"503"`. 499: the client had left.',
      http_requests_in_flight: 'Open streams count as well. One that only grows: something never answers.',
      commands_together:
        'How many orders share a transaction: 1 while there is little to do, more the more arrive at once. Near 64 all the time: one tenant places more than its transactions keep up with.',
      http_connections: 'Sockets that clients hold open, idle ones included. Compare with the limit of open files.',
      limiter_verdicts_total:
        '`by="process"` with a Redis set: Redis is away, and every process limits by itself. `verdict="refused"`: answers 429.',
      event_loop_delay_seconds:
        'Above 0.1 at `quantile="0.99"` the process is short of CPU, or something computes for too long at once.',
      process_cpu_seconds_total: 'Its rate is the cores in use; the process has one and a little.',
      process_resident_memory_bytes: 'A steady rise without more clients or discussions is a leak.',
      process_start_time_seconds: 'Changes with every restart.',
      db_pool: '`state="waiting"` above 0 for long: the database is slow, or the pool too small.',
    },
  },
  {
    title: 'The log',
    metrics: {
      outbox_events:
        'Near 0. Rising: no worker holds a sequencer, or the database cannot keep up. The same in every process.',
      outbox_age_seconds: 'The alert of the log: above 5 for a minute, events reach nobody.',
      sequencer_lag_seconds:
        'From the commit of an event to its place in the log; the 99th percentile is below 0.05 as a rule.',
      log_position: 'Its rate is the events of the shard.',
      feed_lag_events: 'What live subscribers and consumers of this process have still to be given.',
      feed_lag_seconds:
        'Below 1 as long as the database answers. Above it, caches of roles and keys are not believed any more.',
      events_total: 'What happens in the product, by type. Its sum over all processes counts every event once.',
      tail_lag_seconds: 'The way through Redis. Above 1: Redis or the network is slow; nothing is lost.',
      tail_lost_total: 'Redis was away or full. The log was read instead.',
      topic_events_total: 'Events for outside consumers of the Redis Streams.',
      redis_connected: '0: this process goes on without Redis, slower. Alert after a minute.',
    },
  },
  {
    title: 'Consumers and dead letters',
    metrics: {
      consumer_lag_events:
        'Rising: the group is slower than what comes in. The sum over all processes is the whole lag.',
      consumer_lag_seconds: 'The alert of consumers: above 60 for a group, something hangs.',
      consumer_shards_held: 'The sum over all processes is the number of shards, or a shard has no holder.',
      consumer_events_total:
        'Throughput. `outcome="duplicate"` are hits of the inbox: events that came again after a crash or a change of holder and did nothing.',
      consumer_handling_seconds: 'How long effects take; the time between tries is in it.',
      consumer_retries_total: 'Failures that pass. A steady rate is worth a look at the log.',
      consumer_crashes_total: 'Any: a handler may be killing its process. The third time its event is a dead letter.',
      dead_letters_total: 'Its rate is the alert: something could not be handled.',
      dead_letters_present:
        'What waits for somebody: `status="failed"` to be requeued or discarded, `parked` behind those. The same in every process.',
    },
  },
  {
    title: 'Jobs, schedules, the CPU pool',
    metrics: {
      jobs: '`state="waiting"` holds what is due and what is for later. The same in every process.',
      jobs_ended_total: '`outcome="given_up"` or `"stuck"`: look at the log. `"lost"`: a process was slow to live.',
      job_duration_seconds: 'By kind; turns take as long as their models.',
      jobs_crashed_total: 'Any: a job may be killing its process. The third time it is a dead letter.',
      schedule_runs_total: '`outcome="failed"`: look at the log.',
      schedule_last_duration_seconds: 'A run that takes as long as its interval has too much to do.',
      schedule_last_success_timestamp_seconds:
        'Its age tells whether the schedule still runs: take the newest of all processes.',
      pool_tasks: '`state="waiting"` near its limit: too much is asked of the CPU.',
      pool_tasks_total: '`outcome="refused"`: the queue was full, and a client was told so.',
      pool_task_seconds: 'Time on a thread and in the queue before.',
    },
  },
  {
    title: 'Live connections',
    metrics: {
      hub_subscribers: 'Event streams and channels of sockets in this process.',
      sse_queued_bytes: 'What slow clients have not taken yet. At 1 MiB a client is cut and resumes.',
      socket_connections: 'Compare with what a tenant may have open.',
      socket_channels: 'A connection carries many.',
      socket_queued_bytes: 'As `sse_queued_bytes`: a slow client is closed with 4408 and resumes.',
      socket_messages_received_total: 'A rate of `invalid`: a client that speaks something else.',
      socket_messages_sent_total: 'What is fanned out to sockets.',
      socket_closes_total: '4401 and 4403: rights that ended. 4408: slow clients. 4429: too many at once.',
    },
  },
  {
    title: 'Calls to others',
    metrics: {
      breaker_state: '2 for long: the service is away, and calls to it are refused at once.',
      breaker_opened_total: 'How often that began.',
      breaker_refused_total: 'What was not even tried.',
      bulkhead_calls: '`waiting` above 0 for long: the service is slow, or its share too small.',
      bulkhead_refused_total: 'Callers were told `overloaded`.',
      retry_attempts_total: 'A service that fails now and then.',
      retry_budget: '0: so much fails that nothing is tried again.',
      retry_refused_total: 'Why a failure was final.',
    },
  },
  {
    title: 'Caches',
    metrics: {
      cache_requests_total: 'The hit ratio: `hit` and `negative` among all. `stale`: the database was slow or away.',
      cache_fills_total: 'What misses cost the database.',
      cache_waits_total: 'Look-ups that a single load served: stampedes that did not happen.',
      cache_evictions_total: 'A high rate: the memory for caches is too small for what is asked for.',
      cache_entries: 'In this process.',
      cache_bytes: 'In this process.',
    },
  },
  {
    title: 'Models',
    metrics: {
      model_generations_total: 'Calls, and why they failed.',
      model_tokens_total: 'Consumption.',
      model_cost_usd_total: 'Spending; its increase over a day is the bill of that day.',
      model_first_token_seconds: 'What people wait before something moves.',
      model_generation_seconds: 'Whole answers.',
    },
  },
  {
    title: 'The business',
    metrics: {
      discussions: 'Many `paused`: models fail, or budgets are used up.',
      discussion_turns_total: '`outcome="failed"` and `"skipped"` tell of models that do not answer.',
      discussion_messages_total: 'Who speaks.',
      discussions_ended_total: 'How many come to an end.',
      orders:
        'Many `pending`: payments do not come; look at `breaker_state{name="payments"}` and at the dead letters of `orders.settle`.',
      orders_value: 'What is unpaid, paid and not sent, sent. Of each currency by itself.',
      order_value_total: 'Its rate is the turnover: `placed` against `paid` tells how much is never paid.',
      webhook_attempts_total: '`answer` other than `2xx`: receivers that fail; they are tried again.',
      webhook_attempt_seconds: 'How slow receivers are.',
    },
  },
];

/** Every metric of the program as it is composed with a database and a Redis; never started. */
export async function allMetrics(): Promise<readonly MetricDescription[]> {
  const env = { DATABASE_URL: 'postgresql://parley@localhost/parley', REDIS_URL: 'redis://localhost' };
  const { config } = parseConfig(env, { folder: '/', version: '0.0.0' });
  const app = await createApp({ ...config, masterKey: Buffer.alloc(32) }, { log: silentLog });
  await app.stop(1_000);
  return app.metrics.describe();
}

const known = GROUPS.flatMap(({ metrics }) => Object.keys(metrics));

/** Metrics that nothing is said about, and words about metrics that there are not. */
export function undocumentedMetrics(metrics: readonly MetricDescription[]): string[] {
  const names = metrics.map(({ name }) => name);
  return [...names.filter((name) => !known.includes(name)), ...known.filter((name) => !names.includes(name))];
}

export function metricsPage(metrics: readonly MetricDescription[]): string {
  const byName = new Map(metrics.map((metric) => [metric.name, metric]));
  const parts = GROUPS.map(({ title, metrics: of }) => {
    const lines = Object.entries(of).flatMap(([name, meaning]) => {
      const metric = byName.get(name);
      if (metric === undefined) return [];
      const labels = metric.labels.map((label) => `\`${label}\``).join(', ');
      return [`| \`${name}\` | ${metric.type} | ${labels} | ${metric.help} | ${meaning} |`];
    });
    return [
      `## ${title}`,
      '',
      '| metric | type | labels | what it is | what it tells |',
      '|---|---|---|---|---|',
      ...lines,
    ].join('\n');
  });
  return `<!-- Made by \`make gen\` from the metrics of the program and scripts/reference/metrics.ts. -->
# Metrics

\`GET /metrics\` on \`METRICS_PORT\`, in Prometheus' text format, of the one process that is asked: scrape every process, of
whatever role. A counter's sum over all processes is what happened. Where a page says "the same in every process", take the
largest. Labels hold names of the program only (routes, groups, kinds of jobs, types of events), never an id, a tenant or
anything that a client sent, so their number is bounded.

${parts.join('\n\n')}
`;
}
