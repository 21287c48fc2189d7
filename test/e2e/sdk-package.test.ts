import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Parley } from '@parley/sdk';
import { createWorld, type World } from '../support/world.ts';
import { installedProject, node18, type Project, readmeBlocks } from './package.ts';
import { noBrowser, openBrowser, openPage } from './support.ts';

suite('the SDK as a stranger gets it: packed, and installed into an empty project', () => {
  let world: World;
  let project: Project | undefined;
  let oldNode: string | undefined;
  let blocks: string[];
  before(async () => {
    blocks = await readmeBlocks();
    world = await createWorld();
    [project, oldNode] = await Promise.all([installedProject(), node18()]);
  });
  after(() => Promise.all([world.stop(), project?.remove()]));
  const installed = (): Project => project as Project;

  /** A tenant of its own for a program: where the API is, and a key. */
  async function access(): Promise<{ env: Record<string, string>; parley: Parley }> {
    const { key } = await world.apiKey(await world.signUp(), ['owner']);
    const baseUrl = world.url + world.prefix;
    return { env: { PARLEY_URL: baseUrl, PARLEY_API_KEY: key }, parley: new Parley({ baseUrl, apiKey: key }) };
  }

  /** Asserts that a program's output holds all that the only discussion of its tenant came to. */
  async function assertTold(output: string, parley: Parley, names: readonly string[]): Promise<void> {
    const [discussion] = (await parley.discussions.list()).items;
    assert(discussion);
    const { items } = await parley.discussions.messages(discussion.id);
    // Its agents have names of their own each time, so that it runs beside those that are there: `ada-1795283631033`.
    const spoke = items.map(({ author }) => author.name.replace(/-\d+$/, ''));
    assert.deepEqual([discussion.status, spoke], ['completed', names]);
    for (const { content } of items) assert(output.includes(content), `${content}\nis not in\n${output}`);
  }

  test('it needs nothing else, and brings no sources, tests or settings', () => {
    const modules = path.join(installed().folder, 'node_modules');
    assert.deepEqual(globSync('*/*/package.json', { cwd: modules }), ['@parley/sdk/package.json']);
    const kinds = new Set(
      globSync('**/*.*', { cwd: installed().sdk }).map((file) => file.replace(/^.*?(\.d)?\./, '$1.')),
    );
    assert.deepEqual([...kinds].sort(), ['.d.ts', '.js', '.json', '.md']);
    assert(existsSync(path.join(installed().sdk, 'LICENSE')));
  });

  test('ten lines stream a discussion', async () => {
    const [ten = ''] = blocks;
    const lines = ten.split('\n').filter((line) => line.trim() !== '');
    assert.equal(lines.length, 10, ten);
    const { env, parley } = await access();
    await installed().write('ten.js', ten);
    await assertTold(await installed().node(['ten.js'], { env }), parley, ['ada', 'bruno']);
  });

  test('the same ten lines run on Node 18', async (t) => {
    if (!oldNode) return t.skip('NOT RUN: no Node 18 for this platform could be fetched');
    const { env, parley } = await access();
    await installed().write('ten.js', blocks[0] ?? '');
    const output = await installed().node(['ten.js'], { binary: oldNode, env });
    await assertTold(output, parley, ['ada', 'bruno']);
  });

  test('the code of its README is one program that runs', async () => {
    const { env, parley } = await access();
    await installed().write('readme.ts', blocks.join('\n'));
    const output = await installed().node(['--disable-warning=ExperimentalWarning', 'readme.ts'], { env });
    await assertTold(output, parley, ['ada', 'bruno']);
    for (const told of ['the stream is open', 'parameters.top_p maximum', 'Ada Lovelace', '2 follows 1', 'signed out'])
      assert(output.includes(told), `${told}\nis not in\n${output}`);
  });

  for (const [moduleResolution, module] of [
    ['bundler', 'esnext'],
    ['node16', 'node16'],
  ] as const)
    test(`strict TypeScript takes it, and its README, with ${moduleResolution}`, async () => {
      await installed().write('readme.ts', blocks.join('\n'));
      await installed().check({ moduleResolution, module, types: ['node'] });
    });

  const skip = noBrowser();
  test('a browser streams a discussion with the very files of the package', { skip }, async () => {
    const { env, parley } = await access();
    const browser = await openBrowser();
    try {
      const page = await openPage(browser);
      await page.route(`${world.url}/sdk/**`, async (route) => {
        const file = new URL(route.request().url()).pathname.slice('/sdk/'.length);
        const body = await readFile(path.join(installed().sdk, file), 'utf8');
        await route.fulfill({ body, contentType: 'text/javascript' });
      });
      await page.goto(`${world.url}/docs`);
      const told = await page.evaluate(inBrowser, { key: env.PARLEY_API_KEY ?? '' });
      const [discussion] = (await parley.discussions.list()).items;
      const { items } = await parley.discussions.messages(discussion?.id ?? '');
      assert.deepEqual(
        told.texts,
        items.map(({ content }) => content),
      );
      assert.deepEqual(told.refused, ['ValidationError', 'body', 'name', 'pattern']);
      assert.equal(told.aborted, 'enough');
      assert.equal(told.status, 'completed');
    } finally {
      await browser.close();
    }
  });
});

/** Runs in the page. */
async function inBrowser({ key }: { key: string }) {
  const entry = '/sdk/index.js';
  const sdk = (await import(entry)) as typeof import('@parley/sdk');
  // No address: this page's own.
  const parley = new sdk.Parley({ apiKey: key });
  const refused = await parley.agents.create({ name: '' }).catch((error: unknown) => {
    if (!(error instanceof sdk.ValidationError)) throw error;
    const [fault] = error.fields;
    return [error.name, fault?.in, fault?.field, fault?.rule];
  });
  const aborted = await parley.agents
    .list({}, { signal: AbortSignal.abort('enough') })
    .catch((reason: unknown) => reason);
  const agent = await parley.agents.create({ name: 'ada' });
  const discussion = await parley.discussions.create({
    topic: 'Does it stream here?',
    participants: [{ agent_id: agent.id }],
    limits: { max_turns: 2 },
  });
  const texts: string[] = [];
  let status = '';
  for await (const part of parley.discussions.transcript(discussion.id)) {
    if (part.type === 'message') texts.push(part.message.content);
    if (part.type === 'ended') status = part.status;
  }
  return { refused, aborted, texts, status };
}
