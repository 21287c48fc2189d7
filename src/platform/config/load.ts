import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigFaults, type ParsedConfig, parseConfig } from './config.ts';
import { type EnvironmentRead, readEnvironment, unknownSettings } from './env.ts';
import { parseKey } from './parse.ts';
import { certificatesOf } from './transport.ts';

export type Loaded = {
  readonly config: Config;
  /** Settings of ours by their look that mean nothing. */
  readonly warnings: readonly string[];
};

/** Environment → config, or every fault at once (`ConfigFaults`). Without a MASTER_KEY, development makes one. */
export function loadConfig(
  folder: string,
  version: string,
  { env, faults: unread }: EnvironmentRead = readEnvironment(folder),
): Loaded {
  const { config, faults } = parseConfig(env, { folder, version });
  const all = [...unread, ...faults, ...unreadable(config)];
  if (all.length > 0) throw new ConfigFaults(all);
  return {
    config: { ...config, masterKey: config.masterKey ?? localMasterKey(config) },
    warnings: unknownSettings(env).map((name) => `${name} is not a setting of Parley; it is ignored.`),
  };
}

/** Certificates that an address names and nobody can read. */
function unreadable({ databaseUrl, redisUrl }: ParsedConfig): string[] {
  return Object.entries({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }).flatMap(([name, url]) =>
    (url === undefined ? [] : certificatesOf(url)).flatMap((file) => {
      try {
        accessSync(file, constants.R_OK);
        return [];
      } catch (error) {
        return [`${name} names a file that cannot be read (${(error as NodeJS.ErrnoException).code}): ${file}.`];
      }
    }),
  );
}

/** The key under `DATA_DIR`, made on the first start and readable by its owner only. */
function localMasterKey({ dataDir }: ParsedConfig): Buffer {
  const path = join(dataDir, 'master.key');
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(path, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw new ConfigFaults([`DATA_DIR ${dataDir} cannot be written (${code}).`]);
    chmodSync(path, 0o600);
  }
  const key = parseKey(readFileSync(path, 'utf8').trim());
  if (key === undefined)
    throw new ConfigFaults([
      `${path} does not hold a master key any more: restore it, or everything sealed with it is lost.`,
    ]);
  return key;
}
