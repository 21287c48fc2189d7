import type { Route } from 'playwright-core';
import { untilCount } from '../support.ts';
import type { Say, Stage } from './stage.ts';

const UNBROKEN = 'Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger'.repeat(4);
const LONG_NAME = `agent-${'with-a-name-that-goes-on'.repeat(3)}`.slice(0, 63);
const LONG_TOPIC = `${UNBROKEN} and ${'what follows from it for all who come after us '.repeat(12)}?`;

/** What pages look like when there is too much, not yet anything, or a fault. */
export function stateStories(say: Say, stage: () => Stage): void {
  say('long names and unbroken words stay within their places, down to 320 pixels', async () => {
    const { page, open, api, picture } = stage();
    const agent = await api.agents.create({ name: LONG_NAME, instructions: UNBROKEN });
    const document = await api.documents.create({
      title: UNBROKEN.slice(0, 290),
      text: `${UNBROKEN}\n\n${LONG_TOPIC}`,
    });
    const seat = { seat: { name: 'W'.repeat(64) } };
    const talk = await api.discussions.create({
      ...{ topic: LONG_TOPIC, participants: [{ agent_id: agent.id }, seat], context: [{ document_id: document.id }] },
      ...{ limits: { max_turns: 1 } },
    });
    await open(`/discussions/${talk.id}`);
    await page.locator('.arena[data-status="completed"]').waitFor();
    await picture('long-arena');
    const pages = {
      ...{ 'long-discussions': '/discussions', 'long-agents': `/agents?q=${LONG_NAME}` },
      ...{ 'long-agent': `/agents/${agent.id}`, 'long-documents': '/documents' },
      ...{ 'long-document': `/documents/${document.id}`, 'long-new': `/discussions/new?document=${document.id}` },
    };
    for (const [name, path] of Object.entries(pages)) {
      await open(path);
      await picture(name);
    }
    await api.agents.archive(agent.id);
    await api.documents.delete(document.id);
  });

  say('while it waits the page says that it loads; what fails says so, and is tried again', async () => {
    const { page, url, portray } = stage();
    const { promise: mayStart, resolve: start } = Promise.withResolvers<void>();
    await page.route('**/api/v1/auth/**', (route) => void mayStart.then(() => route.continue()));
    const held: Route[] = [];
    await page.route('**/api/v1/agents?*', (route) => void held.push(route));
    await page.goto(`${url}/agents`);
    await page.getByRole('status', { name: 'Loading' }).waitFor();
    await portray('starting');
    start();
    await page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor();
    await page.unroute('**/api/v1/auth/**');
    await page.getByRole('status', { name: 'Loading' }).waitFor();
    await portray('loading');
    const fault = { error: { code: 'unavailable', type: 'server_error', message: 'Too much at once.', details: {} } };
    await Promise.all(held.map((route) => route.abort()));
    await page.unroute('**/api/v1/agents?*');
    await page.route('**/api/v1/agents?*', (route) =>
      route.fulfill({ status: 400, contentType: 'application/json', body: JSON.stringify(fault) }),
    );
    await page.reload();
    await page.getByRole('alert').waitFor();
    await portray('failed');
    await page.unroute('**/api/v1/agents?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: /judge-ravn/ }).waitFor();
    await untilCount(page.getByRole('alert'), 0);
  });
}
