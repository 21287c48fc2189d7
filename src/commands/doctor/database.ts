import { fileURLToPath } from 'node:url';
import type { Config } from '../../platform/config/config.ts';
import { chooseRunner, findBinaries } from '../../platform/db/binaries.ts';
import { createEmbedded } from '../../platform/db/embedded.ts';
import { isConnectionError } from '../../platform/db/errors.ts';
import { inspectDatabase } from '../../platform/db/inspect.ts';
import { migrationStatus, whyNotServe } from '../../platform/db/migrate.ts';
import { readMigrations } from '../../platform/db/migrations.ts';
import { INSTALLED } from '../command.ts';
import { type Finding, fail, ok, warn } from './report.ts';

const MIN_SERVER = 15;

/** Looks, and changes nothing: a packaged server that is not running is not started. */
export async function checkDatabase({ databaseUrl, dataDir, profile }: Config): Promise<Finding[]> {
  if (databaseUrl !== undefined) return checkServer({ url: databaseUrl }, profile);
  const findings: Finding[] = [];
  try {
    const { major } = findBinaries();
    findings.push(ok(`PostgreSQL ${major} comes packaged for ${process.platform} ${process.arch}.`));
  } catch (error) {
    return [fail((error as Error).message)];
  }
  if (chooseRunner().ids.uid !== undefined)
    findings.push(
      warn(
        'User namespaces are forbidden here, so root runs the database as "nobody": DATA_DIR must be reachable for it.',
      ),
    );
  const { url, adminUrl } = createEmbedded({ dataDir });
  try {
    return [...findings, ...(await checkServer({ url, ownerUrl: adminUrl }, profile))];
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    return [...findings, ok('The packaged database is not running; "parley serve" starts it.')];
  }
}

async function checkServer(
  { url, ownerUrl }: { url: string; ownerUrl?: string },
  profile: Config['profile'],
): Promise<Finding[]> {
  const state = await inspectDatabase(url, ownerUrl);
  const findings = [
    state.majorVersion >= MIN_SERVER
      ? ok(`PostgreSQL ${state.majorVersion} answers.`)
      : fail(`PostgreSQL ${state.majorVersion} is too old: ${MIN_SERVER} or newer is needed.`),
  ];
  if (!state.rolesReady && !state.mayCreateRoles)
    findings.push(
      fail('The roles parley_app and parley_system are missing, and this user may not make them: grant it CREATEROLE.'),
    );
  if (state.encoding !== 'UTF8') findings.push(fail(`The database is encoded in ${state.encoding}; it must be UTF8.`));
  if (state.holder !== undefined)
    findings.push(
      ok(
        `It is being served by process ${state.holder.pid} on ${state.holder.host} since ${state.holder.since.toISOString()}.`,
      ),
    );
  const migrations = await readMigrations(fileURLToPath(new URL('migrations', INSTALLED)));
  const reason = whyNotServe(await migrationStatus({ url, migrations }));
  if (reason === undefined) findings.push(ok('Its schema is of this release.'));
  else findings.push(profile === 'production' ? fail(reason) : ok(`${reason} (a start does it by itself here.)`));
  return findings;
}
