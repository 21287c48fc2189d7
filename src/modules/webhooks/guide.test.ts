import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../scripts/testing/port.ts';
import { until } from '../../../test/support/log.ts';
import { deliveriesOf, happen, makeWebhook, webhookWorld } from '../../../test/support/webhooks.ts';
import type { Member, World } from '../../../test/support/world.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GUIDE = readFileSync(`${ROOT}/docs/guides/webhooks.md`, 'utf8');
const PYTHON = spawnSync('python3', ['--version']).status === 0;

/** The guide's program in this language. */
const program = (language: string): string => {
  const [, code] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\n\`\`\``).exec(GUIDE) ?? [];
  assert.ok(code);
  return code;
};

/** Resolves when something listens there. */
const listening = (port: number): Promise<void> =>
  until(async () => {
    const socket = connect(port, '127.0.0.1');
    const up = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    return up;
  });

describe('the guide’s receivers', () => {
  let world: World;
  let who: Member;
  before(async () => {
    world = await webhookWorld();
    who = await world.signUp();
  });
  after(() => world.stop());

  const receivers = {
    ts: ['node', '--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e'],
    python: ['python3', '-c'],
  };
  for (const [language, [command = '', ...args]] of Object.entries(receivers))
    test(`in ${language}: takes what is signed, and nothing else`, {
      skip: language === 'python' && !PYTHON,
    }, async () => {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/hook`;
      const hook = await makeWebhook(who, { url, types: ['agent_registered'] });
      const env = { ...process.env, PORT: String(port), WEBHOOK_SECRET: hook.secret };
      const child = spawn(command === 'node' ? process.execPath : command, [...args, program(language)], {
        cwd: ROOT,
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        const lines = createInterface(child.stdout);
        await listening(port);
        const line = once(lines, 'line');
        await happen(who);
        await world.settle();
        const [delivery] = await deliveriesOf(who, hook.id);
        assert.deepEqual([delivery.status, delivery.attempts[0].status], ['succeeded', 204]);
        assert.deepEqual(await line, [`agent_registered ${delivery.event_id}`]);
        const forged = await fetch(url, {
          method: 'POST',
          body: '{}',
          headers: { 'webhook-id': 'a', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' },
        });
        assert.equal(forged.status, 400);
      } finally {
        child.kill();
        await once(child, 'exit');
        await who.delete(`/webhooks/${hook.id}`);
      }
    });
});
