import axe from 'axe-core';
import type { Page } from 'playwright-core';

type Violation = { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] };

const ALL = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe holds against a page under WCAG 2.2 A and AA: a line each, empty when it is content. */
export const complaints = (page: Page): Promise<string[]> => run(page, { runOnly: ALL });

/** The same of its colours alone: for a page that was looked at whole in another theme. */
export const contrastComplaints = (page: Page): Promise<string[]> =>
  run(page, { runOnly: { type: 'rule', values: ['color-contrast'] } });

/** What is still fading in has no colour yet. What goes round for ever has no end, and goes on. */
const AT_REST = `for (const motion of document.getAnimations())
  if (Number.isFinite(motion.effect?.getComputedTiming().endTime)) motion.finish();`;

async function run(page: Page, options: object): Promise<string[]> {
  // Through the debugger, which the page's own policy (no foreign script) does not bind.
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(axe.source);
  await page.evaluate(AT_REST);
  const violations = await page.evaluate(async (how) => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } };
    return (await axe.run({ ...how, resultTypes: ['violations'] })).violations;
  }, options);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help} at ${node.target.join(' ')} (${node.failureSummary ?? ''})`),
  );
}
