import type { Catalog } from './catalog.ts';
import { type Connection, LOCAL } from './rules.ts';

/** Where servers that speak OpenAI's protocol usually listen. */
export const LOCAL_PORTS: readonly number[] = [
  11_434, // Ollama
  1234, // LM Studio
  8080, // llama.cpp, LocalAI
  8000, // vLLM
  1337, // Jan
  4891, // GPT4All
  5001, // KoboldCpp
  30_000, // SGLang
];
const PROBE_MS = 300;
/** How long a finding holds before it is looked again (in the background, where something was found before). */
const AGAIN_MS = 30_000;

export type LocalServer = { readonly connection: Connection; readonly models: readonly string[] };

/** Servers on this machine's loopback that were found to answer with models. */
export type LocalServers = { find(): Promise<readonly LocalServer[]> };

/**
 * Looks at the usual ports, all at once and 300 ms at most; the result is kept, and looked up again when it is older
 * than 30 s. Our own ports are left out.
 */
export function createLocalServers(deps: {
  catalog: () => Catalog;
  ports: readonly number[];
  now: () => number;
}): LocalServers {
  let known: { servers: readonly LocalServer[]; until: number } | undefined;
  let looking: Promise<readonly LocalServer[]> | undefined;

  async function look(): Promise<readonly LocalServer[]> {
    // A catalog a look: its lists are not to outlive the server that gave them.
    const catalog = deps.catalog();
    const answers = await Promise.all(
      deps.ports.map(async (port) => {
        const connection: Connection = {
          name: LOCAL,
          kind: 'openai_compatible',
          baseUrl: `http://127.0.0.1:${port}/v1`,
          apiKey: undefined,
          outbound: 'operator',
        };
        return { connection, models: await catalog.modelsOf(connection, { timeoutMs: PROBE_MS }) };
      }),
    );
    const servers = answers.filter(({ models }) => models.length > 0);
    known = { servers, until: deps.now() + AGAIN_MS };
    return servers;
  }

  return {
    async find() {
      if (known !== undefined && known.until > deps.now()) return known.servers;
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return known?.servers ?? looking;
    },
  };
}
