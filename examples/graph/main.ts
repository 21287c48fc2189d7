import assert from 'node:assert/strict';
import { cast, dim, print, story, type Told, watch } from '../support/story.ts';

const STAFF = {
  reception: 'You are the reception of the support. You thank the customer, and ask whether there is anything else.',
  engineer: 'You are the engineer on duty. You explain what went wrong with the export, and what to do now.',
  billing: 'You are the billing department. You look at invoices, and say what will be corrected.',
  archivist: 'You close cases. You sum up in two sentences what was reported and what was done.',
};
const DOCUMENT = {
  title: 'The log of the export',
  text: `The export of 3 November stopped at row 18,204 with the error E-17: the file was larger than 2 GB. Since version 4.2 large
exports are split by month. The invoice of November holds two exports at 15 euros each, of which one failed.`,
};
/** What the customer says, one after the other; the words lead to who is asked. */
const CUSTOMER = [
  'Good morning. My export stops with error E-17.',
  'Then why is it on my invoice?',
  'That is all. Goodbye!',
];

/** A support hand-over: whoever speaks hands the case along the edges of a graph, by what was said. */
await story(async (parley) => {
  const { user } = await parley.auth.me();
  assert(user);
  const agents = await cast(parley, STAFF);
  const customer = user.name;
  const discussion = await parley.discussions.create({
    topic: 'A customer calls the support',
    participants: [{ user_id: user.id }, ...Object.values(agents).map(({ id }) => ({ agent_id: id }))],
    policy: {
      type: 'graph',
      start: user.id,
      edges: [
        { from: user.id, to: 'engineer', when: 'error' },
        { from: user.id, to: 'billing', when: 'invoice' },
        { from: user.id, to: 'archivist', when: 'goodbye' },
        { from: user.id, to: 'reception' },
        { from: 'engineer', to: 'reception' },
        { from: 'billing', to: 'reception' },
        { from: 'reception', to: user.id },
      ],
    },
    context: [DOCUMENT],
  });
  const lines = [...CUSTOMER];
  check(await watch(parley, discussion, { answer: () => lines.shift() ?? 'Goodbye!' }), customer);
});

function check({ discussion, messages, turns }: Told, customer: string): void {
  assert.deepEqual([discussion.status, discussion.status_reason], ['completed', 'end_of_graph']);
  assert.deepEqual(
    turns.map(({ name }) => name),
    [customer, 'engineer', 'reception', customer, 'billing', 'reception', customer, 'archivist'],
    'along the edges, by what the customer said, to the one after whom nobody speaks',
  );
  assert.deepEqual(
    turns.filter(({ name }) => ['engineer', 'billing', 'archivist'].includes(name)).map(({ reason }) => reason),
    ['error', 'invoice', 'goodbye'].map((word) => `Along the edge from ${customer}: “${word}” was said.`),
  );
  assert.equal(turns[0]?.reason, 'Where the graph starts.');
  assert.deepEqual(
    messages.filter(({ author }) => author.name === customer).map(({ content }) => content),
    CUSTOMER,
  );
  assert.equal(messages.length, turns.length, 'one message a turn');
  print(
    `\n${dim(`${turns.length} turns, from ${customer} to the archive: ${turns.map(({ name }) => name).join(' → ')}.`)}\n`,
  );
}
