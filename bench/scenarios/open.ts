import { get } from 'node:http';
import { connect } from '../../src/platform/db/connection.ts';
import { makeAgents } from '../support/crowd.ts';
import { percentiles } from '../support/load.ts';
import { startPostgres } from '../support/postgres.ts';
import { call, type Demo, dataDir, removeDir, startServer } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const LONG = 10_000;
const SHORT = 10;
const ROUNDS = 60;
const PAGE = 50;

/**
 * What a person waits for who opens a discussion of 10,000 messages: the discussion, its last page of messages and of
 * turns, and the beginning of its event stream, one after the other. Beside it the same with 10 messages.
 */
export async function run(): Promise<Record<string, unknown>> {
  const dir = dataDir();
  const postgres = await startPostgres(dir);
  try {
    const server = await startServer(dir, { DATABASE_URL: postgres.url, REQUESTS_PER_MINUTE: '1000000' });
    try {
      const { demo } = server;
      const [long, short] = [await prepared(demo, postgres.url, LONG), await prepared(demo, postgres.url, SHORT)];
      const took = { long: [] as number[], short: [] as number[] };
      // In turns, so that a noisy neighbour meets both.
      for (let round = -10; round < ROUNDS; round += 1) {
        const [a, b] = [await open(demo, long), await open(demo, short)];
        if (round < 0) continue;
        took.long.push(a);
        took.short.push(b);
      }
      return {
        [`${LONG}_messages`]: percentiles(took.long),
        [`${SHORT}_messages`]: percentiles(took.short),
        targets: [atMost(`opening a discussion of ${LONG} messages, p95`, percentiles(took.long).p95Ms, 200, 'ms')],
      };
    } finally {
      await server.stop();
    }
  } finally {
    await postgres.stop();
    removeDir(dir);
  }
}

/** A discussion with so many messages and turns, written as they are kept; its folded state is not asked for here. */
async function prepared(demo: Demo, url: string, messages: number): Promise<string> {
  const [agent] = await makeAgents(demo, 1);
  const body = { topic: 'A long one', participants: [agent], limits: { max_turns: 10_000 }, start: false };
  const { id, participants } = await call<{ id: string; participants: { id: string; name: string }[] }>(
    demo,
    'POST',
    '/discussions',
    body,
  );
  const speaker = participants[0] as { id: string; name: string };
  const author = { kind: 'agent', participant_id: speaker.id, agent_id: null, user_id: null, name: speaker.name };
  const client = await connect(url, { applicationName: 'parley bench' });
  try {
    const of = [id, messages];
    await client.query(
      `insert into discussion_entries (tenant_id, discussion_id, entry, id, kind, seq, turn, author, content, metadata, created_at)
       select d.tenant_id, d.id, n, gen_random_uuid(), 'message', n, n, $3::jsonb, repeat('So be it. ', 60), '{}', now()
       from discussions d, generate_series(1, $2::int) n where d.id = $1::uuid`,
      [...of, JSON.stringify(author)],
    );
    await client.query(
      `insert into discussion_turns (tenant_id, discussion_id, turn, participant_id, name, reason, status, attempts, started_at)
       select d.tenant_id, d.id, n, $3::uuid, $4, 'Next in order.', 'completed', 1, now()
       from discussions d, generate_series(1, $2::int) n where d.id = $1::uuid`,
      [...of, speaker.id, speaker.name],
    );
    await client.query('update discussions set last_entry = $2, last_seq = $2 where id = $1', of);
    await client.query('analyze discussion_entries, discussion_turns');
  } finally {
    await client.end();
  }
  return id;
}

/** Milliseconds from the first request to the beginning of the stream. */
async function open(demo: Demo, id: string): Promise<number> {
  const begin = performance.now();
  const { cursor, messages } = await call<{ cursor: string; messages: number }>(demo, 'GET', `/discussions/${id}`);
  const page = await call<{ items: { seq: number }[] }>(
    demo,
    'GET',
    `/discussions/${id}/messages?before_seq=${messages + 1}&limit=${PAGE}`,
  );
  await call(demo, 'GET', `/discussions/${id}/turns?before_turn=${messages + 1}&limit=${PAGE}`);
  if (page.items.at(-1)?.seq !== messages) throw new Error(`The last page ends with ${page.items.at(-1)?.seq}`);
  await join(demo, `/api/v1/discussions/${id}/events?cursor=${cursor}`);
  return performance.now() - begin;
}

/** Resolves with the stream's first bytes. */
function join(demo: Demo, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${demo.api_key}` };
    const request = get(`${demo.url}${path}`, { agent: false, headers }, (response) => {
      response.once('data', () => {
        request.destroy();
        resolve();
      });
      response.once('error', () => {});
    });
    request.once('error', reject);
  });
}
