import assert from 'node:assert/strict';
import { waitFor } from '../support.ts';
import type { Say, Stage } from './stage.ts';

/** The system page: health, work, and what happens, as it happens. */
export function systemStories(say: Say, stage: () => Stage): void {
  say('the system page tells of health and build, and shows events as they happen', async () => {
    const { page, open, api } = stage();
    await open('/system');
    await page.getByText('takes requests').waitFor();
    await page.getByText(/^PostgreSQL \d/).waitFor();
    await page.locator('.events .pill-running').waitFor();
    const made = await api.agents.create({ name: 'seen-live' });
    const row = page.locator('.event', { hasText: `agents/${made.id}` }).first();
    await row.waitFor();
    await row.locator('summary').click();
    await row.getByText('"name": "seen-live"').waitFor();
    await row.getByRole('button', { name: /All of trace/ }).click();
    const trace = await page.getByLabel('Type, subject, stream or trace').inputValue();
    assert.match(trace, /^[0-9a-f]{32}$/);
    await page.getByLabel('Type, subject, stream or trace').fill('');
  });

  say('events are held still and filtered', async () => {
    const { page, api, portray } = stage();
    await page.getByRole('button', { name: 'Hold still' }).click();
    const before = await page.locator('.event').count();
    const made = await api.agents.create({ name: 'unseen' });
    await api.agents.archive(made.id);
    await page.getByRole('button', { name: /^Go on, \d+ new/ }).waitFor();
    assert.equal(await page.locator('.event').count(), before);
    await portray('system');
    await page.getByRole('button', { name: /^Go on/ }).click();
    await page
      .locator('.event', { hasText: `agents/${made.id}` })
      .first()
      .waitFor();
    await page.getByLabel('Only events of this type').selectOption('agent_registered');
    const types = await page.locator('.event summary strong').allInnerTexts();
    assert.deepEqual([...new Set(types)], ['agent_registered']);
    await page.getByLabel('Type, subject, stream or trace').fill('nothing is called that');
    await page.getByText('Nothing here speaks of that.').waitFor();
  });

  say('jobs are told by kind while there is work', async () => {
    const { page, open, api } = stage();
    const ada = (await api.agents.list({ q: 'ada' })).items.find(({ name }) => name === 'ada');
    const talk = await api.discussions.create({
      ...{ topic: 'How long is this?', participants: [{ agent_id: ada?.id ?? '' }], limits: { max_turns: 500 } },
    });
    await open('/system');
    await waitFor('the turn to be told of', async () => (await page.locator('.jobs li').count()) > 0);
    assert.match(await page.locator('.jobs').innerText(), /turn/);
    await api.discussions.cancel(talk.id);
  });
}
