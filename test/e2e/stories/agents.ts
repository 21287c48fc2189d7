import assert from 'node:assert/strict';
import { untilValue } from '../support.ts';
import type { Say, Stage } from './stage.ts';

/** An agent: what it falls back to, what it remembers, what is noted of it, and what it was used for. */
export function agentStories(say: Say, stage: () => Stage): void {
  say('an agent keeps fallback models, memory and facts, checked while typing', async () => {
    const { page, open, api, portray, settled } = stage();
    await open('/agents/new');
    await page.getByLabel('Name', { exact: true }).fill('eve');
    await page.getByLabel('Instructions').fill('You are Eve, who remembers.');
    await page.getByRole('button', { name: 'Add a fallback model' }).click();
    await page.getByRole('combobox', { name: 'Fallback 1' }).fill('nonsense');
    await page.getByText('Like openai/gpt-5-mini').waitFor();
    await page.getByRole('combobox', { name: 'Fallback 1' }).fill('local/llama3');
    await page.getByText('Memory', { exact: true }).click();
    await page.getByLabel('Last messages').fill('501');
    await page.getByText('A whole number from 1 to 500.').waitFor();
    await page.getByLabel('Last messages').fill('25');
    await page.getByLabel('Summary of what came before').selectOption('yes');
    await page.getByText('Metadata', { exact: true }).click();
    await page.getByRole('button', { name: 'Add a fact' }).click();
    await page.getByLabel('Name of fact 1').fill('team');
    await page.getByLabel('Value of fact 1').fill('7');
    await page.getByRole('button', { name: 'Make the agent' }).click();
    await page.getByRole('heading', { name: 'eve', exact: true }).waitFor();
    const eve = (await api.agents.list({ q: 'eve' })).items.find(({ name }) => name === 'eve');
    assert.deepEqual(
      [eve?.fallback_models, eve?.memory, eve?.metadata],
      [['local/llama3'], { window: 25, summary: true }, { team: 7 }],
    );
    await page.reload();
    await settled();
    await untilValue(page.getByLabel('Last messages'), '25');
    await untilValue(page.getByLabel('Value of fact 1'), '7');
    await page.getByText('It has not been asked yet.').waitFor();
    await page.getByLabel('Ask something').fill('What is it worth?');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.locator('.answer .facts').waitFor();
    await page.reload();
    await page
      .getByText(/^1 call/)
      .first()
      .waitFor();
    await portray('agent');
  });
}
