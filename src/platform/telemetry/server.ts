import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Service } from '../lifecycle.ts';
import type { Metrics } from './metrics.ts';

/** `GET /metrics` (Prometheus) and `GET /health` for machines that watch this one; never on a public port. */
export type MetricsServer = Service & {
  /** Where it listens; 0 before `start`. */
  readonly port: number;
};

export function createMetricsServer(options: {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: Metrics;
}): MetricsServer {
  const { metrics } = options;
  let server: Server | undefined;
  return {
    name: 'metrics',
    get port() {
      return (server?.address() as AddressInfo | null | undefined)?.port ?? 0;
    },
    async start() {
      server = createServer(async (req, res) => {
        const path = req.url?.split('?', 1)[0];
        const answer = (status: number, type: string, body: string) =>
          res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
        if (req.method !== 'GET') answer(405, 'text/plain', 'Only GET\n');
        else if (path === '/health') answer(200, 'application/json', '{"status":"ok"}');
        else if (path !== '/metrics') answer(404, 'text/plain', 'Only /metrics and /health are here\n');
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
