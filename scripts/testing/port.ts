import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what operating systems give out by themselves, for `listen(0)` and for every connection that goes out. */
const [FROM, TO] = [20_000, 32_000];
/** Processes begin at places apart, and go round. */
let last = (process.pid * 151) % (TO - FROM);

/**
 * A port for a program that is told its own, and keeps it over restarts. One that the system gives (0) may be given to
 * somebody else before the program listens, or while it is down; to one of these only another run of this can come.
 */
export async function freePort(): Promise<number> {
  for (let tries = FROM; tries < TO; tries++) {
    last = (last + 1) % (TO - FROM);
    // Others may go on while this one is looked at.
    const port = FROM + last;
    if (await isFree(port)) return port;
  }
  throw new Error(`No port from ${FROM} to ${TO} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
