import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { say } from '../lib/say.ts';

/** Installs a Debian package where that may be done without asking: as root, with apt. Says whether it is there now. */
export function installPackage(name: string): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  say(`installing the package ${name}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) => {
    const { status, stderr } = spawnSync('/usr/bin/apt-get', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    if (status !== 0) say(`apt-get ${args[0]} failed: ${stderr.toString().trim().split('\n').at(-1)}`);
    return status === 0;
  };
  const keep = ['-o', 'Dpkg::Options::=--force-confold', '-o', 'DPkg::Lock::Timeout=300'];
  return apt('update', '-q') && apt('install', '-q', '-y', '--no-install-recommends', ...keep, name);
}

/** Debian's PostgreSQL makes and starts a cluster of its own when it is installed, unless told not to. */
export function refuseMainCluster(): void {
  const file = '/etc/postgresql-common/createcluster.conf';
  if (process.getuid?.() !== 0 || existsSync(file)) return;
  mkdirSync('/etc/postgresql-common', { recursive: true });
  writeFileSync(file, 'create_main_cluster = false\n');
}
