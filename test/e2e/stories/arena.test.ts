import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { openaiProtocol } from '../../support/providers/openai.ts';
import { StandIn } from '../../support/providers/stand-in.ts';
import { noBrowser } from '../support.ts';
import { handStories } from './hands.ts';
import { liveStories } from './live.ts';
import { openStage, STORIES_MS, STORY_MS, type Stage } from './stage.ts';

const skip = noBrowser();
const STORIES = 'the arena, hand by hand, in a real browser through the real server';
// As a test of its own, so that it is counted.
if (skip !== undefined) test(STORIES, { skip });
else suite(STORIES, { timeout: STORIES_MS }, stories);

function stories(): void {
  let stage: Stage;
  let provider: StandIn;
  const say = (name: string, part: () => Promise<void>): void => void test(name, { timeout: STORY_MS }, part);
  const here = (): Stage => stage;

  before(async () => {
    // A provider whose tokens cost something; all others rehearse.
    provider = await StandIn.start(openaiProtocol);
    provider.script({ does: 'answer', pieces: ['Much, ', 'I think.'], usage: { input: 1_000, output: 1_000 } });
    stage = await openStage({ OPENAI_API_KEY: 'sk-of-no-account', OPENAI_BASE_URL: provider.baseUrl });
    await stage.signIn();
    for (const name of ['ada', 'bruno', 'clara'])
      await stage.api.agents.create({ name, instructions: `You are ${name}, who has seen this before.` });
  });
  after(async () => {
    await stage?.close();
    await provider?.[Symbol.asyncDispose]();
  });

  liveStories(say, here);
  handStories(say, here);
  say('and in all of it no page had a fault of its own', async () => {
    assert.deepEqual(stage.faults, []);
  });
}
