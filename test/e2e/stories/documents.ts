import assert from 'node:assert/strict';
import { untilCount, untilValue } from '../support.ts';
import type { Say, Stage } from './stage.ts';

const TEXT = `# Ferry timetable\n\nThe last ferry leaves at 22:40.\n\n- On Sundays at 21:10.\n- In fog not at all.\n`;

/** A document: taken from a file, read, found by a word of its text, changed, and deleted. */
export function documentStories(say: Say, stage: () => Stage): void {
  say('a file of text becomes a document; what is no text is refused', async () => {
    const { page, open, portray } = stage();
    await open('/documents/new');
    const file = page.getByLabel('A file of text');
    await file.setInputFiles({
      name: 'ship.png',
      mimeType: 'image/png',
      buffer: Buffer.from([0x89, 0x50, 0, 0, 0xff]),
    });
    await page.getByText('ship.png is not plain text.').waitFor();
    await file.setInputFiles({ name: 'Ferry.md', mimeType: 'text/markdown', buffer: Buffer.from(TEXT) });
    await untilValue(page.getByLabel('Title'), 'Ferry');
    await page.getByText(`words, ${TEXT.length} B`).waitFor();
    await page.getByRole('button', { name: 'Add it' }).click();
    await page.getByRole('heading', { level: 1, name: 'Ferry' }).waitFor();
    // Markdown is read.
    await untilCount(page.locator('.sheet li'), 2);
    await portray('document');
  });

  say('a word of its text finds it, and nothing is found for nonsense', async () => {
    const { page, open, portray } = stage();
    await open('/documents');
    await page.getByLabel('Search in titles and texts').fill('fog');
    await page.locator('mark', { hasText: 'fog' }).waitFor();
    await portray('documents');
    await page.getByLabel('Search in titles and texts').fill('zeppelin');
    await page.locator('.rows').waitFor({ state: 'detached' });
    await page.getByText(/zeppelin/).waitFor();
  });

  say('it is changed unless somebody else did so meanwhile, and deleted only when asked twice', async () => {
    const { page, open, api } = stage();
    const { items } = await api.documents.list({ q: 'Ferry' });
    const [ferry] = items;
    await open(`/documents/${ferry?.id}`);
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Title').fill('Ferries');
    await api.documents.update(ferry?.id ?? '', { title: 'The ferry' }, { version: ferry?.version ?? 0 });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').waitFor();
    assert.equal((await api.documents.get(ferry?.id ?? '')).title, 'The ferry');
    await open(`/documents/${ferry?.id}`);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.getByRole('heading', { level: 1, name: 'Documents' }).waitFor();
    assert.equal((await api.documents.list({ q: 'Ferry' })).total, 0);
  });
}
