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
  8135, // `make model`, last: whoever has another one has a better one
];
const PROBE_MS = 300;
/** How long a finding holds before it is looked again, in the background. */
const AGAIN_MS = 30_000;
/** How long it holds that there is none: whoever has just started one expects it to be found. */
const NONE_MS = 3_000;

export type LocalServer = { readonly connection: Connection; readonly models: readonly string[] };

/** Servers on this machine's loopback that were found to answer with models. */
export type LocalServers = { find(): Promise<readonly LocalServer[]> };

/**
 * Looks at the usual ports, all at once and 300 ms at most; what was found is kept, and looked up again when it is older
 * than 30 s. Where none was found, that is asked anew after 3 s, and waited for. Our own ports are left out.
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
    known = { servers, until: deps.now() + (servers.length > 0 ? AGAIN_MS : NONE_MS) };
    return servers;
  }

  return {
    async find() {
      if (known !== undefined && known.until > deps.now()) return known.servers;
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return known !== undefined && known.servers.length > 0 ? known.servers : looking;
    },
  };
}
