import assert from 'node:assert/strict';
import type { Discussion } from '@parley/sdk';
import { becomes, untilCount, waitFor } from '../support.ts';
import { closePanel, type Say, type Stage, untilStatus } from './stage.ts';

const NAMES = ['ada', 'bruno', 'clara'];

/** A discussion as it is watched: the stage, the timeline, the inspector, by eye, by keyboard and by ear. */
export function liveStories(say: Say, stage: () => Stage): void {
  let talk: Discussion;

  say('several speakers stream, each at its place, and the line above says whose turn it is and why', async () => {
    const { page, open, api, portrayAt, seat } = stage();
    talk = await api.discussions.create({
      ...{ topic: 'What do we stop doing?', participants: await seat(...NAMES), policy: { type: 'vote' } },
      ...{ limits: { max_turns: 200 }, start: false },
    });
    await open(`/discussions/${talk.id}`);
    await untilCount(page.locator('.seat'), 3);
    await page.getByRole('button', { name: 'Start' }).click();
    const heard = new Set<string>();
    await waitFor('a second speaker', async () => {
      const { speaking, line } = await page.evaluate<{ speaking: string[]; line: string }>(ON_STAGE);
      assert(speaking.length <= 1, `never two at once: ${speaking}`);
      const [name] = speaking;
      if (name === undefined) return false;
      heard.add(name);
      assert.match(line, new RegExp(`^Turn \\d+ ${name} is speaking — \\S`));
      return heard.size > 1;
    });
    await closePanel(page);
    await portrayAt('arena-live');
  });

  say('the stage alone shows the ballots across the table', async () => {
    const { page, portrayAt } = stage();
    await page.keyboard.press('v');
    await page.locator('.stage-whole .ballots path').first().waitFor({ state: 'attached' });
    await untilCount(page.locator('.talk'), 0);
    await portrayAt('arena-stage');
    await page.keyboard.press('v');
    await page.locator('.talk').waitFor();
    await page.keyboard.press('b');
    await page.getByRole('tab', { name: 'Figures' }).waitFor();
  });

  say('who asked for stillness has it, and who did not sees the voices move', async () => {
    const { page } = stage();
    const look = () => page.evaluate<{ speaking: boolean; moving: number }>(IN_MOTION);
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await waitFor('something to move', async () => (await look()).moving > 0);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await becomes('stillness while somebody speaks', look, { speaking: true, moving: 0 });
  });

  say('a screen reader is told each message once it is whole, and nothing word by word', async () => {
    const { page } = stage();
    const told = page.locator('.visually-hidden[aria-live="polite"]');
    await told.filter({ hasText: /^(ada|bruno|clara): \S/ }).waitFor({ state: 'attached' });
    const aloud = await page.evaluate<number>(`document.querySelectorAll('[data-live]:not([aria-live="off"])').length`);
    assert.equal(aloud, 0);
  });

  say('the timeline says of every turn why it was whose', async () => {
    const { page, api, portray } = stage();
    await page.keyboard.press('p');
    await untilStatus(page, 'paused');
    await page.keyboard.press('t');
    await page.locator('ol.turns li').first().waitFor();
    const { items } = await api.discussions.turns(talk.id, { limit: 100 });
    // The pause is known from its answer; of what came before it the page is told by events.
    await untilCount(page.locator('.turn-open'), items.length);
    const shown = await page.locator('.turn-open').allInnerTexts();
    for (const [at, text] of [...shown].reverse().entries())
      assert.match(text, new RegExp(`${items[at]?.name}\\s+\\S.{9,}`), `turn ${at + 1} and its reason`);
    assert.match(shown.join('\n'), /3 ballots/);
    await portray('arena-turns');
  });

  say('a turn is looked into by keyboard: its ballots, its figures, and word for word what was given', async () => {
    const { page, api, portray } = stage();
    await page.locator('.turn-open').nth(1).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const title = await page.getByRole('heading', { level: 2, name: /^Turn \d+: / }).innerText();
    const turn = Number(/\d+/.exec(title)?.[0]);
    await untilCount(page.locator('.proposals li'), 3);
    await page.getByText('First word after').waitFor();
    await page.getByRole('button', { name: 'Show it' }).click();
    const given = await api.discussions.context(talk.id, turn);
    await page.getByText(new RegExp(`^${given.messages.length} messages?, as sent`)).click();
    const sent = page.locator('.given-messages .given-text');
    await becomes(
      'what was given',
      async () => (await sent.allTextContents()).slice(-given.messages.length),
      given.messages.map(({ content }) => content),
    );
    await portray('arena-context');
    await page.keyboard.press('Escape');
    await page.locator('ol.turns').waitFor();
  });

  say('keys go through what was said, and tell of themselves', async () => {
    const { page } = stage();
    const at = (): Promise<number> =>
      page.evaluate<number>("Number(document.activeElement?.closest('[data-seq]')?.dataset.seq ?? 0)");
    await page.locator('.talk').click({ position: { x: 4, y: 4 } });
    await page.keyboard.press('Home');
    await becomes('the first message', at, 1);
    await page.keyboard.press('j');
    await becomes('the second', at, 2);
    await page.keyboard.press('k');
    await becomes('the first again', at, 1);
    await page.keyboard.press('i');
    await page.getByRole('heading', { level: 2, name: /^Turn 1: / }).waitFor();
    await page.keyboard.press('l');
    await page.getByText(/^Link to message 1 copied\.|^The link is in the address bar\./).waitFor();
    await page.keyboard.press('?');
    const sheet = page.getByRole('dialog', { name: 'Keyboard' });
    await sheet.getByText('Inspect the turn of the message').waitFor();
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
  });
}

/** In the page, in one look: who is drawn as speaking, and what the line says. */
const ON_STAGE = `({
  speaking: [...document.querySelectorAll('.seat-speaking strong')].map((one) => one.textContent),
  line: (document.querySelector('.turn-line')?.textContent ?? '').replace(/\\s+/g, ' ').trim(),
})`;

/** The same of the voices: whether anybody speaks, and how much is in motion. */
const IN_MOTION = `({
  speaking: document.querySelector('.seat-speaking') !== null,
  moving: document.getAnimations().filter((one) => one.playState === 'running').length,
})`;
