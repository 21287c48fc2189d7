import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Service } from '../lifecycle.ts';
import type { Metrics } from './metrics.ts';

/** `GET /metrics` (Prometheus), `GET /health` and `GET /health/ready` for machines that watch this one; never on a public port. */
export type MetricsServer = Service & {
  /** Where it listens; 0 before `start`. */
  readonly port: number;
};

export function createMetricsServer(options: {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: Metrics;
  /** What `/health/ready` answers here: for processes that have no other door. */
  readonly ready?: (allowDegraded: boolean) => Promise<{ readonly status: string }>;
}): MetricsServer {
  const { metrics, ready } = options;
  let server: Server | undefined;
  return {
    name: 'metrics',
    get port() {
      return (server?.address() as AddressInfo | null | undefined)?.port ?? 0;
    },
    async start() {
      server = createServer(async (req, res) => {
        const [path, query = ''] = req.url?.split('?', 2) ?? [];
        const answer = (status: number, type: string, body: string) =>
          res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
        if (req.method !== 'GET') answer(405, 'text/plain', 'Only GET\n');
        else if (path === '/health') answer(200, 'application/json', '{"status":"ok"}');
        else if (path === '/health/ready' && ready) {
          const state = await ready(new URLSearchParams(query).get('allow') === 'degraded');
          answer(state.status === 'unavailable' ? 503 : 200, 'application/json', JSON.stringify(state));
        } else if (path !== '/metrics') answer(404, 'text/plain', 'Only /metrics and /health are here\n');
        else
          await metrics.text().then(
            (text) => answer(200, metrics.contentType, text),
            () => answer(500, 'text/plain', 'The metrics could not be read\n'),
          );
      });
      server.listen({ port: options.port, host: options.host });
      await once(server, 'listening');
    },
    async stop() {
      if (server === undefined || !server.listening) return;
      const closed = new Promise<void>((resolve) => server?.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
