import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { noBrowser } from '../support.ts';
import { letterStories } from './letters.ts';
import { orderStories } from './orders.ts';
import { productStories } from './products.ts';
import { openShop, type Shop } from './shop.ts';
import { STORIES_MS, STORY_MS } from './stage.ts';
import { watchStories } from './watching.ts';
import { webhookStories } from './webhooks.ts';

const skip = noBrowser();
const STORIES = 'commerce and operations, page by page, in a real browser through the real server';
// As a test of its own, so that it is counted.
if (skip !== undefined) test(STORIES, { skip });
else suite(STORIES, { timeout: STORIES_MS }, stories);

function stories(): void {
  let shop: Shop;
  const say = (name: string, part: () => Promise<void>): void => void test(name, { timeout: STORY_MS }, part);
  const here = (): Shop => shop;

  before(async () => {
    shop = await openShop();
    await shop.signIn();
  });
  after(() => shop?.close());

  productStories(say, here);
  orderStories(say, here);
  letterStories(say, here);
  webhookStories(say, here);
  watchStories(say, here);
  say('and in all of it no page had a fault of its own', async () => {
    assert.deepEqual(shop.faults, []);
  });
}
