import assert from 'node:assert/strict';
import { becomes, waitFor } from '../support.ts';
import { closePanel, type Say, type Stage } from './stage.ts';

const READY = [
  'A debate with a verdict',
  'A panel with a moderator',
  'A review board that votes',
  'A support desk that hands over',
];

/** The ready discussions: shown where there is none yet, begun at a stroke, and come to their ends. */
export function galleryStories(say: Say, stage: () => Stage): void {
  say('who has no discussion is offered four that are ready', async () => {
    const { page, open, portray } = stage();
    await open('/');
    await page.getByRole('heading', { name: 'The table is free' }).waitFor();
    for (const name of READY) await page.getByRole('article', { name }).waitFor();
    await portray('discussions-empty');
  });

  say('each begins with one click, and makes its agents once', async () => {
    const { page, open, api, portray } = stage();
    for (const name of READY) {
      await open('/discussions/gallery');
      await page.getByRole('article', { name }).getByRole('button', { name: 'Begin' }).click();
      await page.locator('.arena').waitFor();
    }
    const { total } = await api.agents.list({ page_size: 100 });
    await open('/discussions/new?from=debate');
    await page.getByText('Nora, otto, pernille, quentin and judge-ravn will speak for 2 sides in 2 rounds').waitFor();
    assert.equal((await api.agents.list({ page_size: 100 })).total, total, 'those that are there are taken');
    await open('/discussions/gallery');
    await portray('gallery');
  });
}

/** Told last, when they had the time to end. */
export function galleryEnds(say: Say, stage: () => Stage): void {
  say('each comes to the end that its rule has for it', async () => {
    const { page, open, api, portray } = stage();
    const ends = async (): Promise<Record<string, string | null>> => {
      const { items } = await api.discussions.list({ status: 'completed', limit: 50 });
      return Object.fromEntries(items.map(({ policy, status_reason }) => [policy.type, status_reason]));
    };
    await waitFor(
      'all four to end',
      async () => {
        const now = await ends();
        return ['debate', 'moderator', 'vote', 'graph'].every((type) => type in now);
      },
      240_000,
    );
    const { debate, moderator, vote, graph } = await ends();
    assert.deepEqual([debate, moderator, vote, graph], ['verdict', 'max_turns', 'max_turns', 'end_of_graph']);
    await open('/discussions?status=completed');
    await page.getByText('at the end of its graph').waitFor();
    await page.getByText('with a verdict').waitFor();
    await portray('discussions');
    await page.getByRole('link', { name: /old bridge/ }).click();
    await page.locator('.said-verdict .verdict').waitFor();
    await closePanel(page);
    await portray('arena-verdict');
    await page.goBack();
    await page.getByRole('link', { name: /^A customer writes/ }).click();
    await page.getByRole('tab', { name: 'Rules' }).click();
    await page.getByRole('img', { name: 'A graph of 4 speakers and 6 edges. front-desk begins.' }).waitFor();
    await portray('arena-rules');
    await page.goBack();
    await page.getByRole('button', { name: 'Failed' }).click();
    await page.getByText('No discussion failed').waitFor();
    await becomes('the address', async () => new URL(page.url()).search, '?status=failed');
  });
}
