import assert from 'node:assert/strict';
import type { Message } from '@parley/sdk';
import { cast, dim, print, story, type Told, watch } from '../support/story.ts';

const PANEL = {
  engineer: 'You are an engineer. You ask what can be measured, and name the risk.',
  nurse: 'You are a nurse on the night shift. You are practical, and speak of patients.',
  treasurer: 'You are the treasurer of the hospital. You ask what it costs, and who pays.',
};
const CHAIR = 'You chair a panel. You let those speak who have something to add, and nobody twice in a row.';
const DOCUMENT = {
  title: 'The night report',
  text: `In October the alarm system of ward 3 rang 212 times a night; 9 of 10 alarms were false. Two real ones were heard
late. A filter that learns costs 60,000 euros and needs six weeks of recording. Turning the limits up costs nothing and would
have hidden one of the two real alarms. The night shift has three nurses for 41 patients.`,
};
const TURNS = 6;
const QUESTION = 'A question from the audience: who hears the alarms while the filter is being put in?';

/** A panel with a moderator: a model proposes who speaks next, the rules dispose, and the audience asks. */
await story(async (parley) => {
  const { chair, ...panel } = await cast(parley, { ...PANEL, chair: CHAIR });
  const discussion = await parley.discussions.create({
    topic: 'Should ward 3 buy the alarm filter?',
    participants: Object.values(panel).map(({ id }) => ({ agent_id: id })),
    policy: { type: 'moderator', agent_id: chair.id },
    limits: { max_turns: TURNS },
    context: [DOCUMENT],
  });
  const heard = async ({ turn }: Message): Promise<void> => {
    if (turn === 2) await parley.discussions.post(discussion.id, { content: QUESTION });
  };
  check(await watch(parley, discussion, { heard }));
});

function check({ discussion, messages, turns }: Told): void {
  assert.deepEqual([discussion.status, discussion.status_reason, turns.length], ['completed', 'max_turns', TURNS]);
  const names = Object.keys(PANEL);
  let refused = 0;
  for (const { turn, name, reason, proposals, participant_id } of turns) {
    assert(names.includes(name), `turn ${turn} is a panellist's`);
    const [proposal] = proposals;
    assert(proposal && proposals.length === 1, `turn ${turn} has the moderator's proposal`);
    assert.deepEqual([proposal.kind, proposal.by, proposal.choice], ['moderator', 'chair', participant_id]);
    // Whatever a model answers, somebody has the turn; where its answer was no choice, the reason says so.
    if (proposal.refused === null) assert.equal(reason, 'Chosen by the moderator.');
    else assert.match(reason, /By rule: /);
    refused += proposal.refused === null ? 0 : 1;
  }
  assert(
    messages.every(({ author }) => author.name !== 'chair'),
    'who moderates does not speak',
  );
  assert.deepEqual(
    messages.filter(({ turn }) => turn === null).map(({ content }) => content),
    [QUESTION],
  );
  const speakers = new Set(turns.map(({ name }) => name));
  if (refused === 0 && messages.every(({ metadata }) => metadata.rehearsal !== false)) assert(speakers.size > 1);
  print(
    `\n${dim(`${TURNS} turns of ${speakers.size} panellists; ${TURNS - refused} as the chair proposed, ${refused} by rule.`)}\n`,
  );
}
