import { type App, createApp } from '../app.ts';
import { parseConfig } from '../platform/config/config.ts';
import { openApiDocument } from '../platform/http/openapi/document.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { TAGS } from '../roles/tags.ts';
import { type Command, EXIT } from './command.ts';

/**
 * Prints `contracts/openapi.json`: the document of the server as it comes, whatever this machine's settings are. The
 * application is composed and not started, so no database is needed.
 */
export const openapi: Command = async (io) => {
  io.out(JSON.stringify(await contract(io.version), undefined, 2));
  return EXIT.ok;
};

/** The document of the API, made from its routes. */
export const contract = (version: string): Promise<object> =>
  composed(version, (app) => openApiDocument({ config: app.config, routes: app.http.routes, tags: TAGS }));

/** Composes the application as it comes, lets `use` look at it, and never starts it. */
export async function composed<T>(version: string, use: (app: App) => T): Promise<T> {
  const { config } = parseConfig({}, { folder: '/', version });
  // Nothing is sealed or signed here: the key is only part of a whole config.
  const app = await createApp({ ...config, masterKey: Buffer.alloc(32) }, { log: silentLog });
  try {
    return use(app);
  } finally {
    await app.stop(1_000);
  }
}
