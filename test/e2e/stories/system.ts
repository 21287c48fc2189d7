import assert from 'node:assert/strict';
import { ofMany } from '../../support/many.ts';
import { untilCount } from '../support.ts';
import type { Say, Stage } from './stage.ts';

/** The system page: health, parts and work. */
export function systemStories(say: Say, stage: () => Stage): void {
  say('the system page tells of health, processes, guards, caches and build', async () => {
    const { page, open, api, portray } = stage();
    await open('/system');
    await page.getByText('takes requests').waitFor();
    await page.getByText(/^PostgreSQL \d/).waitFor();
    const { processes, build } = await api.system.get();
    await untilCount(page.getByRole('heading', { name: 'Guards' }), 1);
    await untilCount(page.locator('.tag', { hasText: 'answers you' }), 1);
    assert.equal(processes?.length, ofMany() ? 4 : 1);
    await page.getByText(build.version, { exact: true }).waitFor();
    await page.locator('.light', { hasText: 'Dead letters' }).getByText('none').waitFor();
    await portray('system');
  });

  say('jobs are told by kind while there is work', async () => {
    const { page, open, api } = stage();
    const ada = (await api.agents.list({ q: 'ada' })).items.find(({ name }) => name === 'ada');
    const talk = await api.discussions.create({
      ...{ topic: 'How long is this?', participants: [{ agent_id: ada?.id ?? '' }], limits: { max_turns: 500 } },
    });
    await open('/system');
    await page.locator('.jobs li', { hasText: 'turn' }).first().waitFor();
    await api.discussions.cancel(talk.id);
  });
}
