/** An nginx for tests: the machine's own, or Debian's, installed where that is allowed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../lib/say.ts';
import { installPackage } from './apt.ts';
import { freePort } from './port.ts';

const PLACES = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/bin/nginx', '/opt/homebrew/bin/nginx'];
const CONFIG = path.join(root, 'deploy/nginx/parley.conf');
const PATIENCE_MS = 60_000;

export const locateNginx = (): string | undefined => PLACES.find((file) => existsSync(file));

/** The same; installed where that is allowed. */
export const findNginx = (): string | undefined =>
  locateNginx() ?? (installPackage('nginx') ? locateNginx() : undefined);

/** One before two processes of the role api, as deploy/nginx says, on a port that was free. */
export async function startDoor(
  file: string,
  [first, second]: readonly [number, number],
): Promise<{ url: string; stop(): Promise<void> }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const config = readFileSync(CONFIG, 'utf8')
      .replace('listen 8080', `listen 127.0.0.1:${port}`)
      .replace('127.0.0.1:8081', `127.0.0.1:${first}`)
      .replace('127.0.0.1:8082', `127.0.0.1:${second}`);
    try {
      const { stop } = await startNginx(file, config, port);
      return { url: `http://127.0.0.1:${port}`, stop };
    } catch (error) {
      // Somebody else may have been given the port meanwhile.
      if (tries === 3) throw error;
    }
  }
}

/** Starts one that includes `config` within its `http` block, and listens on `port`. */
async function startNginx(file: string, config: string, port: number): Promise<{ stop(): Promise<void> }> {
  const home = mkdtempSync(path.join(tmpdir(), 'parley-nginx-'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${home}/${name};`,
  );
  const whole = [
    `daemon off; pid ${home}/pid; error_log ${home}/error.log; worker_processes 1;`,
    'events { worker_connections 512; }',
    `http { access_log off; ${temporary.join(' ')}`,
    config,
    '}',
  ];
  writeFileSync(path.join(home, 'nginx.conf'), whole.join('\n'));
  // One process instead of a master and workers: ended by its own id alone.
  const child = spawn(
    file,
    ['-p', home, '-e', `${home}/error.log`, '-c', `${home}/nginx.conf`, '-g', 'master_process off;'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(home, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(20)) {
    const socket = dial(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      // Written when the port is its own: whoever answered before that is somebody else.
      if (!existsSync(`${home}/pid`)) throw new Error('it does not listen yet');
      return { stop };
    } catch (error) {
      if (Date.now() < deadline && child.exitCode === null) continue;
      await stop();
      throw new Error(`nginx did not start: ${said}`, { cause: error });
    } finally {
      socket.destroy();
    }
  }
}
