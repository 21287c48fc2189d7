import { once } from 'node:events';
import { access, constants, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Config } from '../../platform/config/config.ts';
import { type Finding, fail, ok, warn } from './report.ts';

const MIN_NODE = 24;
const MB = 1024 * 1024;
const LOW_DISK_BYTES = 1024 * MB;
const NO_DISK_BYTES = 200 * MB;

export function checkNode(version = process.versions.node): Finding {
  return Number.parseInt(version, 10) >= MIN_NODE
    ? ok(`Node ${version}.`)
    : fail(`Node ${version} is too old: ${MIN_NODE} or newer is needed ("make" fetches one).`);
}

/** Whether DATA_DIR can be written, and how much room is left there. */
export async function checkDisk(dataDir: string): Promise<Finding> {
  const folder = await nearest(dataDir);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch {
    return fail(`DATA_DIR ${dataDir} cannot be written by this user.`);
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const room = `${Math.round(free / MB)} MB are free for DATA_DIR ${dataDir}`;
  if (free < NO_DISK_BYTES) return fail(`Only ${room}: the database could not go on.`);
  return free < LOW_DISK_BYTES ? warn(`Only ${room}.`) : ok(`${room}.`);
}

/** The folder itself, or the nearest one above it that exists. */
async function nearest(folder: string): Promise<string> {
  try {
    await access(folder);
    return folder;
  } catch {
    return nearest(dirname(folder));
  }
}

export async function checkPorts({ host, internalHost, port, apiPort, metricsPort }: Config): Promise<Finding[]> {
  const doors = [
    { name: 'PORT', number: port, on: host },
    { name: 'API_PORT', number: apiPort, on: internalHost },
    { name: 'METRICS_PORT', number: metricsPort, on: internalHost },
  ];
  return Promise.all(
    doors.map(async ({ name, number, on }) => {
      const error = await tryPort(number, on);
      if (error === undefined) return ok(`${name} ${number} is free on ${on}.`);
      if (error === 'EADDRINUSE')
        return warn(`${name} ${number} is taken: by a Parley that runs already, or by another program.`);
      return fail(`${name} ${number} cannot be opened on ${on} (${error}).`);
    }),
  );
}

async function tryPort(port: number, host: string): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ port, host });
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    server.close();
  }
}
