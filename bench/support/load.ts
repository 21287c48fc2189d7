import { Pool } from 'undici';

export type Load = {
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** Requests a second, evenly spaced. */
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
};

export type Measured = {
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
};

/**
 * An evenly paced open-loop client: request `i` is due at `i / rate` whatever the server does, and its latency counts
 * from that moment. A closed loop would measure itself: it waits when the server is slow.
 */
export async function drive({ origin, path, headers, rate, seconds, connections }: Load): Promise<Measured> {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const total = rate * seconds;
  const latencies: number[] = [];
  const inFlight: Promise<void>[] = [];
  let failed = 0;
  const begin = performance.now();

  const one = async (dueMs: number) => {
    try {
      const answer = await pool.request({ method: 'GET', path, headers });
      await answer.body.dump();
      if (answer.statusCode !== 200) failed += 1;
    } catch {
      failed += 1;
    }
    latencies.push(performance.now() - begin - dueMs);
  };

  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - begin) / 1000) * rate) + 1);
    for (; sent < due; sent += 1) inFlight.push(one((sent / rate) * 1000));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(inFlight);
  await pool.close();
  return { sent: total, failed, ...percentiles(latencies) };
}

/**
 * As many requests as the server answers, over connections that each wait for their answer. For CPU time a request
 * only: at saturation both sides of a comparison batch their system calls as well as they can. Its latencies would
 * measure the client.
 */
export async function saturate(load: Omit<Load, 'rate'>): Promise<{ sent: number; failed: number }> {
  const pool = new Pool(load.origin, { connections: load.connections, pipelining: 1 });
  const end = performance.now() + load.seconds * 1000;
  let sent = 0;
  let failed = 0;
  const one = async () => {
    while (performance.now() < end) {
      const answer = await pool.request({ method: 'GET', path: load.path, headers: load.headers });
      await answer.body.dump();
      sent += 1;
      if (answer.statusCode !== 200) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: load.connections }, one));
  await pool.close();
  return { sent, failed };
}

/** p50, p95 and p99 of some milliseconds, by the nearest rank. */
export function percentiles(values: readonly number[]): { p50Ms: number; p95Ms: number; p99Ms: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN) * 100) / 100;
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}

/** The middle value. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
