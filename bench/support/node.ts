/**
 * A second process of the product, for measuring: it answers requests on the database that another one owns, and does no
 * work of its own. It prints its port, and ends on SIGTERM.
 */
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/platform/config/load.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';

const { config } = loadConfig(process.cwd(), '0.0.0');
const app = await createApp(config, { answersOnly: true, log: createLog({ level: 'error' }) });
process.once('SIGTERM', () => void app.stop(5_000).then(() => process.exit(0)));
await app.start();
process.stdout.write(`${app.http.ports[0]}\n`);
