import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Parley } from '@parley/sdk';
import { untilCount } from '../support.ts';
import { closePanel, type Say, type Stage, untilStatus } from './stage.ts';

const QUESTION = 'Who tells the neighbours?';
const WORDS = 'Nobody has asked the neighbours yet.';

/** What a person does with a discussion: speaks up, forks, carries off, names, hands out keys, pays. */
export function handStories(say: Say, stage: () => Stage): void {
  const idOf = (): string => new URL(stage().page.url()).pathname.split('/').at(-1) ?? '';

  say('what a person says is posted at once, and given to whoever speaks after', async () => {
    const { page, open, api, seat } = stage();
    const { id } = await api.discussions.create({
      ...{ topic: QUESTION, participants: await seat('ada', 'bruno'), limits: { max_turns: 200 } },
    });
    await open(`/discussions/${id}`);
    await page.locator('.seat-speaking').waitFor();
    await page.keyboard.press('c');
    await page.keyboard.type(WORDS);
    await page.keyboard.press('Enter');
    const mine = page.locator('.said-user', { hasText: WORDS });
    await mine.getByText('interjected').waitFor();
    const seq = Number(await mine.getAttribute('data-seq'));
    const after = page.locator(`[data-seq="${seq + 2}"]`);
    await after.waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('p');
    await untilStatus(page, 'paused');
    const heard = (await api.discussions.messages(id, { after_seq: seq + 1, limit: 1 })).items[0];
    const { messages } = await api.discussions.context(id, heard?.turn ?? 0);
    assert(messages.some((one) => one.seq === seq && one.content.includes(WORDS)));
  });

  say('a fork begins with what was said up to a message, and says where it comes from', async () => {
    const { page, api, portray } = stage();
    const from = idOf();
    // So much may have been said by now that the beginning is not drawn.
    await page.locator('.talk').click({ position: { x: 4, y: 4 } });
    await page.keyboard.press('Home');
    await page.locator('[data-seq="2"]').hover();
    await page.locator('[data-seq="2"]').getByRole('button', { name: 'Fork from here' }).click();
    const dialog = page.getByRole('dialog', { name: 'Fork after message 2' });
    await dialog.getByLabel('The question').fill('And if we ask them first?');
    await dialog.getByLabel('Turns in all').fill('1');
    await portray('arena-fork');
    await dialog.getByRole('button', { name: 'Fork', exact: true }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Turns in all').fill('6');
    await dialog.getByRole('button', { name: 'Fork', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'And if we ask them first?' }).waitFor();
    await untilStatus(page, 'created');
    assert.notEqual(idOf(), from);
    const [kept, old] = [await api.discussions.messages(idOf()), await api.discussions.messages(from)];
    assert.deepEqual(
      kept.items.map(({ content }) => content),
      old.items.slice(0, 2).map(({ content }) => content),
    );
    await untilCount(page.locator('[data-seq]'), 2);
    await page.getByRole('link', { name: 'another discussion' }).click();
    await page.getByRole('heading', { level: 1, name: QUESTION }).waitFor();
    assert.equal(idOf(), from);
  });

  say('all of it can be carried off, as Markdown and as JSON', async () => {
    const { page, api } = stage();
    const save = async (format: string): Promise<{ name: string; text: string }> => {
      await page.getByRole('button', { name: 'More', exact: true }).click();
      const begun = page.waitForEvent('download');
      await page.getByRole('menuitem', { name: `Export as ${format}` }).click();
      const file = await begun;
      return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
    };
    const { items } = await api.discussions.messages(idOf(), { limit: 100 });
    const markdown = await save('Markdown');
    assert.match(markdown.name, /\.md$/);
    assert(markdown.text.includes(QUESTION) && markdown.text.includes(WORDS));
    const json = await save('JSON');
    assert.match(json.name, /\.json$/);
    const { entries } = JSON.parse(json.text) as { entries: { kind: string; content: string }[] };
    assert.deepEqual(
      entries.filter(({ kind }) => kind === 'message').map(({ content }) => content),
      items.map(({ content }) => content),
    );
  });

  say('where a person chooses, a number names the next speaker', async () => {
    const { page, open, api, seat, portray } = stage();
    const { id } = await api.discussions.create({
      ...{ topic: 'Whom do we hear first?', participants: await seat('ada', 'bruno', 'clara') },
      ...{ policy: { type: 'manual' }, limits: { max_turns: 2 } },
    });
    await open(`/discussions/${id}`);
    await page.getByText('Who speaks next? Somebody has to say.').first().waitFor();
    await closePanel(page);
    await portray('arena-manual');
    await page.keyboard.press('2');
    await page.locator('[data-seq="1"]', { hasText: 'bruno' }).waitFor();
    await untilStatus(page, 'waiting');
    await page.locator('.seat').getByRole('button', { name: /clara/ }).click();
    await untilStatus(page, 'completed');
    const { items } = await api.discussions.turns(id);
    assert.deepEqual(
      items.map(({ name, proposals }) => [name, proposals[0]?.kind]),
      [
        ['bruno', 'person'],
        ['clara', 'person'],
      ],
    );
  });

  say('a seat’s key is made once, opens the seat, and is taken back', async () => {
    const { page, url, open, api, seat, portray } = stage();
    const { id, participants } = await api.discussions.create({
      ...{ topic: 'Is anybody there?', participants: [{ seat: { name: 'Night Robot' } }, ...(await seat('ada'))] },
      ...{ limits: { max_turns: 2, turn_timeout_seconds: 600 } },
    });
    await open(`/discussions/${id}`);
    await page.getByText(/Waiting for Night Robot/).waitFor();
    await page.getByRole('tab', { name: 'People' }).click();
    await page.getByText(/^is awaited, \d+:\d\d left$/).waitFor();
    await page.getByRole('button', { name: 'Key…' }).click();
    await page.getByRole('button', { name: 'Make a key' }).click();
    const apiKey = await page.locator('.secret input').inputValue();
    await portray('arena-seat-key');
    await page.getByRole('button', { name: 'I have kept it' }).click();
    const robot = new Parley({ baseUrl: `${url}/api/v1`, apiKey });
    const { turn, fence } = await robot.discussions.claim(id, 1);
    await robot.discussions.post(id, { content: 'I am always there.', turn, fence });
    await page.locator('.said-seat', { hasText: 'I am always there.' }).getByText('seat', { exact: true }).waitFor();
    await untilStatus(page, 'completed');
    assert.equal((await robot.discussions.get(id)).participants.length, participants.length);

    const other = await api.discussions.create({
      ...{ topic: 'And now?', participants: [{ seat: { name: 'Night Robot' } }] },
      ...{ limits: { turn_timeout_seconds: 600 } },
    });
    const place = other.participants[0]?.id ?? '';
    const { key } = await api.discussions.issueSeatKey(other.id, place);
    await open(`/discussions/${other.id}`);
    await page.getByRole('tab', { name: 'People' }).click();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await assert.rejects(new Parley({ baseUrl: `${url}/api/v1`, apiKey: key }).discussions.get(other.id), {
      status: 401,
    });
    await api.discussions.cancel(other.id);
  });

  say('a spent budget says what one more turn needs, takes no less, and goes on with more', async () => {
    const { page, open, api, portray } = stage();
    const dear = await api.agents.create({ name: 'dear', model: 'openai/gpt-5-mini' });
    const { id } = await api.discussions.create({
      ...{ topic: 'What is it worth?', participants: [{ agent_id: dear.id }] },
      ...{ limits: { max_turns: 2, max_cost_usd: 0.002 } },
    });
    await open(`/discussions/${id}`);
    await untilStatus(page, 'paused');
    await page.locator('.needs').getByText('Its budget is spent.').waitFor();
    const { needs } = await api.discussions.get(id);
    await page.getByText(`needs a limit of at least $${needs?.max_cost_usd}`).waitFor();
    await closePanel(page);
    await portray('arena-cost');
    const amount = page.getByLabel('The new limit in US dollars');
    assert(Number(await amount.inputValue()) >= (needs?.max_cost_usd ?? 1), 'what is offered is enough');
    await amount.fill('0.003');
    await page.getByRole('button', { name: 'Raise and resume' }).click();
    await untilCount(page.locator('.needs input:invalid'), 1);
    assert.equal((await api.discussions.get(id)).status, 'paused');
    await amount.fill('0.05');
    await page.getByRole('button', { name: 'Raise and resume' }).click();
    await untilStatus(page, 'completed');
    const done = await api.discussions.get(id);
    assert.deepEqual([done.limits.max_cost_usd, done.usage.turns, done.needs], [0.05, 2, null]);
  });

  say('a link that leads nowhere, and a discussion that cannot be read, say so', async () => {
    const { page, open, portray } = stage();
    await open('/discussions/01890000-0000-7000-8000-000000000000');
    await page.getByText('There is no such discussion').waitFor();
    await portray('arena-missing');
    const broken = { status: 500, contentType: 'application/json', body: '{}' };
    await page.route('**/api/v1/discussions/*', (route) => route.fulfill(broken));
    await open('/discussions/01890000-0000-7000-8000-000000000000');
    await page.getByText('This discussion cannot be shown.').waitFor();
    await page.unroute('**/api/v1/discussions/*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await untilCount(page.getByText('There is no such discussion'), 1);
  });
}
