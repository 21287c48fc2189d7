import { parseArgs } from 'node:util';
import { type App, createApp } from '../app.ts';
import { loadConfig } from '../platform/config/load.ts';
import { type Command, type CommandIo, EXIT, UsageError } from './command.ts';
import { type Demo, patientDemo } from './seed.ts';

const ROLES = ['api', 'worker'] as const;
const STOP_DEADLINE_MS = 25_000;
/** Balancers hear of a stop through readiness, a probe or two later. */
const LINGER_MS = 5_000;

/** Runs the server until it is told to stop. */
export const serve: Command = async (io) => {
  checkRoles(io.args);
  const { config, warnings } = loadConfig(io.folder, io.version);
  const lost = Promise.withResolvers<Error>();
  const app = await createApp(config, {
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

/** All roles run in one process; a part of them would need the others elsewhere, and a way to reach them. */
function checkRoles(args: readonly string[]): void {
  let wanted: string;
  try {
    wanted = parseArgs({ args: [...args], options: { role: { type: 'string', default: 'all' } } }).values.role;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. parley serve [--role all]`);
  }
  if (wanted === 'all') return;
  const roles = new Set(wanted.split(',').map((role) => role.trim()));
  const unknown = [...roles].find((role) => !ROLES.some((known) => known === role));
  if (unknown !== undefined)
    throw new UsageError(`There is no role "${unknown}": --role takes all, or ${ROLES.join(',')}.`);
  if (ROLES.some((role) => !roles.has(role)))
    throw new UsageError(
      'Roles in separate processes need DATABASE_URL and REDIS_URL, and this version has no Redis yet: run --role all.',
    );
}

async function announce(app: App, io: CommandIo, begunMs: number): Promise<void> {
  const { config, log, database, http } = app;
  log.info('ready', {
    profile: config.profile,
    version: config.version,
    database: database.kind,
    redis: 'disabled',
    host: config.host,
    ports: [...http.ports],
    role: 'all',
    pid: process.pid,
    duration_ms: Math.round(performance.now() - begunMs),
  });
  if (database.adopted()) log.info('took over a database server whose owner had died');
  if (config.profile !== 'development') return;
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
