import { createEmbedded } from '../../src/platform/db/embedded.ts';

/** Owns the packaged database of a folder until it is killed: `node own-database.ts DATA_DIR`. Says `owned` when it does. */
const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('own-database.ts DATA_DIR');
const embedded = createEmbedded({ dataDir });
try {
  await embedded.start();
  process.stdout.write('owned\n');
  process.on('SIGTERM', () => void embedded.stop(5000).then(() => process.exit(0)));
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`);
  process.exitCode = 78;
}
