import assert from 'node:assert/strict';
import { untilCount, untilFocused, untilValue, waitFor } from '../support.ts';
import type { Say, Stage } from './stage.ts';

/** Making a discussion: its people, its rule, its limits; and what the server has to say to it. */
export function makingStories(say: Say, stage: () => Stage): void {
  const sit = async (...names: string[]): Promise<void> => {
    for (const name of names) await stage().page.getByRole('button', { name, exact: true }).click();
  };
  const choose = (policy: string): Promise<void> =>
    stage()
      .page.getByRole('radio', { name: new RegExp(`^${policy}`) })
      .check();

  say('a graph is drawn while its edges are made, and says whom no way reaches', async () => {
    const { page, open, portray } = stage();
    await open('/discussions/new');
    await page.getByLabel('The question').fill('Who answers the customer?');
    await sit('ada', 'bruno', 'clara');
    await choose('Graph');
    const graph = page.getByRole('img', { name: /^A graph of 3 speakers/ });
    await untilCount(graph.locator('.graph-node'), 3);
    await untilCount(graph.locator('.graph-edge'), 2);
    await page.getByRole('button', { name: 'Remove edge 2' }).click();
    await page.getByText('No way leads to clara.').waitFor();
    await untilCount(graph.locator('.graph-node-lost'), 1);
    await page.getByRole('button', { name: 'Add an edge' }).click();
    await page.getByText('To whom?').waitFor();
    await page.getByLabel('To, edge 2').selectOption('clara');
    await page.getByLabel('Only when this is said, edge 2').fill('refund');
    await graph.locator('.graph-label', { hasText: 'refund' }).waitFor();
    await untilCount(page.locator('.edge-row .problem'), 0);
    await portray('new-graph');
  });

  say('a draft survives a reload, and can be begun anew', async () => {
    const { page, settled } = stage();
    await page.getByText('Kept on this machine until you begin.').waitFor();
    await page.reload();
    await settled();
    await page.getByText('Here is what you had begun.').waitFor();
    await untilValue(page.getByLabel('The question'), 'Who answers the customer?');
    await untilValue(page.getByLabel('Only when this is said, edge 2'), 'refund');
    await page.getByRole('button', { name: 'Start anew' }).click();
    await untilValue(page.getByLabel('The question'), '');
    await page.reload();
    await settled();
    assert.equal(await page.getByText('Here is what you had begun.').count(), 0);
  });

  say('the sides of a debate are made by dragging and by keyboard', async () => {
    const { page, portray } = stage();
    await page.getByLabel('The question').fill('Cats or dogs?');
    await sit('ada', 'bruno', 'clara');
    await choose('Debate');
    const side = (name: string) => page.getByRole('group', { name, exact: true });
    await side('Judge').filter({ hasText: 'clara' }).waitFor();
    // Both in view beforehand: a page that scrolls under the pointer begins no drag.
    await page.getByRole('textbox', { name: 'Rounds' }).scrollIntoViewIfNeeded();
    await side('For').locator('.avatar').dragTo(side('Against'));
    await page.getByText('Nobody speaks for this side.').waitFor();
    await side('Against').filter({ hasText: 'ada' }).waitFor();
    await page.getByLabel('Where bruno sits').focus();
    await page.keyboard.type('For');
    await waitFor('bruno to change sides', async () => /bruno/.test(await side('For').innerText()));
    await untilCount(page.getByText('Nobody speaks for this side.'), 0);
    await page.getByLabel('Name of side 2').fill('For');
    await page.getByText('Another side has this name.').waitFor();
    await page.getByLabel('Name of side 2').fill('Dogs');
    await page.getByLabel('Turns').fill('3');
    await page.getByText('The debate needs 5 turns to come to its verdict.').waitFor();
    await page.getByLabel('Turns').fill('12');
    await portray('new-debate');
  });

  say('weights show the shares they come to, and say what is no weight', async () => {
    const { page, portray } = stage();
    await choose('By weight');
    await page.getByLabel('ada', { exact: true }).fill('2');
    await page.getByText('50 % of the turns').waitFor();
    await page.getByLabel('bruno', { exact: true }).fill('0');
    await page.getByText('A whole number from 1 to 1,000.').waitFor();
    await page.getByLabel('bruno', { exact: true }).fill('');
    await portray('new-weights');
  });

  say('what only the server knows is said at the seat it is about', async () => {
    const { page, api } = stage();
    const gone = await api.agents.create({ name: 'gone-soon' });
    await page.reload();
    await sit('gone-soon');
    await api.agents.archive(gone.id);
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.locator('.seat-list li', { hasText: 'gone-soon' }).getByText('archived').waitFor();
    await page.getByRole('button', { name: 'gone-soon gets up' }).click();
    await untilCount(page.getByText('is an archived agent'), 0);
  });

  say('people and a program sit down, memory is set, and it begins', async () => {
    const { page, api } = stage();
    await page.getByRole('button', { name: 'Keep a seat for a program' }).click();
    await page.getByLabel('The program’s name').fill('@robot');
    await page.getByText('Not with @ at the beginning').waitFor();
    await page.getByLabel('The program’s name').fill('Night Robot');
    await page.keyboard.press('Enter');
    await page.locator('.seat-list', { hasText: 'Night Robot' }).first().waitFor();
    await choose('By call');
    await page.getByLabel('When nobody is called').selectOption('bruno');
    await page.getByText('Memory', { exact: true }).click();
    await page.getByLabel('Last messages').fill('12');
    await page.getByLabel('Passages looked up').fill('3');
    await page.getByRole('checkbox', { name: /Keep a summary/ }).check();
    await page.getByText('Interjections and failures').click();
    await page.getByRole('radio', { name: /^Roll back/ }).check();
    await page.getByLabel('Turns').fill('1');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.locator('.arena').waitFor();
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    const made = await api.discussions.get(id);
    assert.equal(made.policy.type, 'mention');
    assert.deepEqual(
      made.participants.map(({ kind, name }) => [kind, name]),
      [
        ['agent', 'ada'],
        ['agent', 'bruno'],
        ['agent', 'clara'],
        ['seat', 'Night Robot'],
      ],
    );
    assert.deepEqual([made.memory.window, made.memory.retrieval, made.memory.summary], [12, 3, true]);
    assert.equal(made.on_post, 'rollback');
  });

  say('a whole discussion is made by keyboard alone', async () => {
    const { page, open, settled, tabTo } = stage();
    await open('/agents');
    await page.keyboard.press('Control+k');
    await untilFocused(page.getByRole('combobox', { name: /^Go to a page/ }));
    await page.keyboard.type('new disc');
    await page.getByRole('option', { name: /New discussion/, selected: true }).waitFor();
    await page.keyboard.press('Enter');
    await untilFocused(page.getByLabel('The question'));
    await settled();
    await page.keyboard.type('What do we do by hand that we need not?');
    for (const name of ['ada', 'bruno']) {
      await tabTo(name);
      await page.keyboard.press('Space');
    }
    await tabTo(/^Round robin/);
    for (let down = 0; down < 2; down++) await page.keyboard.press('ArrowDown');
    await page.getByRole('group', { name: 'Judge' }).waitFor();
    for (let up = 0; up < 2; up++) await page.keyboard.press('ArrowUp');
    await tabTo(/^Turns/);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('2');
    await tabTo('Begin');
    await page.keyboard.press('Enter');
    await page.locator('.arena[data-status="completed"]').waitFor();
  });
}
