import { parseArgs } from 'node:util';
import { type App, createApp, ROLES, type Role } from '../app.ts';
import { type Config, ConfigFaults } from '../platform/config/config.ts';
import { loadConfig } from '../platform/config/load.ts';
import { type Command, type CommandIo, EXIT, UsageError } from './command.ts';
import { type Demo, patientDemo } from './seed.ts';

const STOP_DEADLINE_MS = 25_000;
/** Balancers hear of a stop through readiness, a probe or two later. */
const LINGER_MS = 5_000;

/** Runs the server until it is told to stop. */
export const serve: Command = async (io) => {
  const roles = rolesOf(io.args);
  const { config, warnings } = loadConfig(io.folder, io.version);
  refuseAlone(roles, config);
  const lost = Promise.withResolvers<Error>();
  const app = await createApp(config, {
    roles,
    onLost: lost.resolve,
    lingerMs: config.profile === 'production' ? LINGER_MS : 0,
  });
  for (const warning of warnings) app.log.warn(warning);
  const stopped = new Promise<undefined>((resolve) => {
    if (io.signal.aborted) resolve(undefined);
    io.signal.addEventListener('abort', () => resolve(undefined));
  });
  // A signal during the start stops it half-way.
  void stopped.then(() => app.stop(STOP_DEADLINE_MS)).catch(() => {});
  const begun = performance.now();
  await app.start();
  if (!io.signal.aborted) await announce(app, io, begun);
  const error = await Promise.race([stopped, lost.promise]);
  if (error !== undefined) app.log.fatal('the database is lost; stopping', { error });
  else app.log.info('stopping', { pid: process.pid });
  try {
    await app.stop(STOP_DEADLINE_MS);
  } finally {
    app.log.info('stopped', { pid: process.pid });
    app.log.flush();
  }
  return error === undefined ? EXIT.ok : EXIT.software;
};

/** What `--role` asks for: `all`, or some of them with commas between. */
function rolesOf(args: readonly string[]): readonly Role[] {
  let wanted: string;
  try {
    wanted = parseArgs({ args: [...args], options: { role: { type: 'string', default: 'all' } } }).values.role;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. parley serve [--role all]`);
  }
  if (wanted === 'all') return ROLES;
  const names = new Set(wanted.split(',').map((role) => role.trim()));
  const unknown = [...names].find((name) => !ROLES.some((known) => known === name));
  if (unknown !== undefined)
    throw new UsageError(`There is no role "${unknown}": --role takes all, or ${ROLES.join(',')}.`);
  return ROLES.filter((role) => names.has(role));
}

/** A part of the roles needs the others in another process, and a way to reach them. */
function refuseAlone(roles: readonly Role[], { databaseUrl, redisUrl }: Config): void {
  if (roles.length === ROLES.length || (databaseUrl !== undefined && redisUrl !== undefined)) return;
  throw new ConfigFaults(['Roles in separate processes need DATABASE_URL and REDIS_URL: set both, or run --role all.']);
}

async function announce(app: App, io: CommandIo, begunMs: number): Promise<void> {
  const { config, log, database, redis, roles, http, internal } = app;
  log.info('ready', {
    profile: config.profile,
    version: config.version,
    database: database.kind,
    redis: redis?.state() ?? 'disabled',
    host: config.host,
    // The public one, the api's own, the one of the metrics: those that this process has.
    ports: [...http.ports, internal.port],
    role: roles.length === ROLES.length ? 'all' : roles.join(','),
    pid: process.pid,
    duration_ms: Math.round(performance.now() - begunMs),
  });
  if (database.adopted()) log.info('took over a database server whose owner had died');
  if (config.profile !== 'development' || !roles.includes('api')) return;
  const account = await patientDemo(app, io.signal);
  if (account === undefined) return;
  for (const line of banner(account, config.dataDir)) io.say(line);
}

const banner = ({ url, api_url, email, password }: Demo, dataDir: string): string[] => [
  '',
  '  Parley is running.',
  '',
  `    Console   ${url}`,
  `    API       ${api_url}   (documentation: ${url}/docs)`,
  `    Sign in   ${email}`,
  `    Password  ${password}`,
  '',
  `  The same and an API key are in ${dataDir}/demo.json. Ctrl-C stops it.`,
  '',
];
