import assert from 'node:assert/strict';
import { cast, dim, print, story, type Told, watch } from '../support/story.ts';

const DEBATERS = {
  mara: 'You are a town planner. You argue with numbers.',
  jonas: 'You run a bicycle shop. You argue from what you see every day.',
  edith: 'You deliver parcels. You argue with time and money.',
  tom: 'You keep a pharmacy on the square. You argue for those who cannot walk far.',
  judge: 'You are a fair judge. You weigh arguments, not sympathies.',
};
const SIDES = [
  { name: 'Close the square', participants: ['mara', 'jonas'] },
  { name: 'Keep it open', participants: ['edith', 'tom'] },
];
const ROUNDS = 2;
const DOCUMENT = {
  title: 'The traffic count',
  text: `8,400 cars cross the market square on a weekday, 61 % of them without stopping. In the trial week of May 3,100 fewer
came, sales of the shops on the square rose by 4 %, and the bus was six minutes faster. Deliveries took eleven minutes longer. The
car park behind the church has 210 places, of which 140 are free on an average day.`,
};

/** A debate: two sides take turns in rounds, then the judge closes it with a verdict. */
await story(async (parley) => {
  const agents = await cast(parley, DEBATERS);
  const discussion = await parley.discussions.create({
    topic: 'Should the market square be closed to cars?',
    participants: Object.values(agents).map(({ id }) => ({ agent_id: id })),
    policy: { type: 'debate', sides: SIDES, rounds: ROUNDS, judge: 'judge' },
    context: [DOCUMENT],
  });
  check(await watch(parley, discussion));
});

function check({ discussion, messages, turns }: Told): void {
  const order = Array.from({ length: ROUNDS }, (_, round) =>
    SIDES.map(({ participants }) => participants[round % participants.length]),
  ).flat();
  assert.deepEqual(
    turns.map(({ name }) => name),
    [...order, 'judge'],
    'the sides in turn, a speaker each, within a side one after the other; the judge last',
  );
  for (const [index, { reason }] of turns.slice(0, -1).entries()) {
    const round = Math.floor(index / SIDES.length) + 1;
    assert.equal(reason, `Round ${round} of ${ROUNDS}, for ${SIDES[index % SIDES.length]?.name}.`);
  }
  const last = messages.at(-1);
  assert.deepEqual([discussion.status, discussion.status_reason], ['completed', 'verdict']);
  assert.equal(last?.author.name, 'judge');
  const side = last.metadata.verdict?.side;
  // A small language model may close without the line that was asked for: then the verdict names nobody, and says so.
  assert(side === null || SIDES.some(({ name }) => name === side), `a side or nobody, not ${side}`);
  if (last.metadata.rehearsal) assert.notEqual(side, null, 'a rehearsed judge always decides');
  print(`\n${dim(`${turns.length} turns. The verdict: ${side ?? 'none was named'}.`)}\n`);
}
