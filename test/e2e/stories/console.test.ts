import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { noBrowser } from '../support.ts';
import { agentStories } from './agents.ts';
import { documentStories } from './documents.ts';
import { doorStories } from './door.ts';
import { galleryEnds, galleryStories } from './gallery.ts';
import { makingStories } from './making.ts';
import { shellStories } from './shell.ts';
import { openStage, STORIES_MS, STORY_MS, type Stage } from './stage.ts';
import { stateStories } from './states.ts';
import { systemStories } from './system.ts';
import { teamStories } from './team.ts';

const skip = noBrowser();
const STORIES = 'the console, page by page, in a real browser through the real server';
// As a test of its own, so that it is counted.
if (skip !== undefined) test(STORIES, { skip });
else suite(STORIES, { timeout: STORIES_MS }, stories);

function stories(): void {
  let stage: Stage;
  const say = (name: string, part: () => Promise<void>): void => void test(name, { timeout: STORY_MS }, part);
  const here = (): Stage => stage;

  before(async () => {
    stage = await openStage();
    for (const name of ['ada', 'bruno', 'clara'])
      await stage.api.agents.create({ name, instructions: `You are ${name}. At most 40 words.` });
  });
  after(() => stage?.close());

  doorStories(say, here);
  galleryStories(say, here);
  makingStories(say, here);
  agentStories(say, here);
  documentStories(say, here);
  systemStories(say, here);
  shellStories(say, here);
  galleryEnds(say, here);
  stateStories(say, here);
  teamStories(say, here);
  say('and in all of it no page had a fault of its own', async () => {
    assert.deepEqual(stage.faults, []);
  });
}
