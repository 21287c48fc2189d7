import { ConfigFaults } from '../platform/config/config.ts';
import { loadConfig } from '../platform/config/load.ts';
import { type Command, EXIT } from './command.ts';
import { checkDatabase } from './doctor/database.ts';
import { checkDisk, checkNode, checkPorts } from './doctor/machine.ts';
import { checkModels } from './doctor/models.ts';
import { checkRedis } from './doctor/redis.ts';
import { type Finding, fail, ok, warn } from './doctor/report.ts';

const MARKS = { ok: 'ok  ', warn: 'note', fail: 'BAD ' } as const;

/** Says in a sentence each what is fine, what is worth knowing and what is in the way. Changes nothing. */
export const doctor: Command = async (io) => {
  let bad = false;
  const tell = ({ level, sentence }: Finding) => {
    bad ||= level === 'fail';
    io.out(`${MARKS[level]} ${sentence}`);
  };
  tell(checkNode());
  try {
    const { config, warnings } = loadConfig(io.folder, io.version);
    tell(ok(`The settings of profile ${config.profile} fit together.`));
    for (const warning of warnings) tell(warn(warning));
    tell(await checkDisk(config.dataDir));
    for (const check of [checkDatabase, checkRedis, checkPorts, checkModels])
      for (const finding of await attempt(() => check(config))) tell(finding);
  } catch (error) {
    if (!(error instanceof ConfigFaults)) throw error;
    for (const fault of error.faults) tell(fail(fault));
  }
  return bad ? EXIT.config : EXIT.ok;
};

/** A check that breaks is a finding, so that the others are still made. */
async function attempt(check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    return [fail(`${(error as Error).message}.`)];
  }
}
