import type { AgentInput } from '@parley/sdk';
import { agentSeat, type Draft, EMPTY, type PolicyType } from '../draft.ts';

type Maker = Pick<Required<AgentInput>, 'name' | 'instructions'>;

/** A discussion that is ready to begin. Agents are meant by their names; whoever is missing is made. */
export type Scenario = {
  name: string;
  title: string;
  policy: PolicyType;
  /** What it shows, in a sentence. */
  about: string;
  topic: string;
  agents: readonly Maker[];
  /** Makes the draft's rule from the keys of the agents at the table. */
  rule(key: (name: string) => string): Partial<Draft>;
  /** Agents that do not sit at the table: a moderator. */
  aside?: readonly string[];
  text: { title: string; text: string };
};

const DEBATE: Scenario = {
  name: 'debate',
  title: 'A debate with a verdict',
  policy: 'debate',
  about: 'Two sides, two rounds, and a judge who has to decide. Ends by itself.',
  topic: 'Should the old bridge be closed to cars from May on?',
  agents: [
    {
      name: 'nora',
      instructions:
        'You are Nora, who teaches at the school by the river. You argue from what people on foot and on bicycles live through every day. Take one fact from the documents, say what it means for a morning on the bridge, and answer the strongest point of the other side. At most 110 words.',
    },
    {
      name: 'otto',
      instructions:
        'You are Otto, who runs the hardware shop at the northern end. You argue from deliveries, customers and the two villages across the river. Concede what is true, then show what it would cost and who would pay. Cite the documents. At most 110 words.',
    },
    {
      name: 'pernille',
      instructions:
        'You are Pernille, a traffic planner. You speak in numbers and in what other towns have learnt. For every claim name its source in the documents; where there is none, say that it is a guess. At most 110 words.',
    },
    {
      name: 'quentin',
      instructions:
        'You are Quentin, who drives the ambulance. You think of the worst night of the year first, and of everything else afterwards. Be fair, be brief, and never exaggerate. At most 110 words.',
    },
    {
      name: 'judge-ravn',
      instructions:
        'You are Judge Ravn, who has heard a thousand quarrels and enjoyed most of them. You weigh arguments, not volume. Name the best point of each side, say which facts decided it for you, and what the losing side is owed. At most 150 words.',
    },
  ],
  rule: (key) => ({
    sides: [
      { key: 'side-1', name: 'Close it to cars', members: [key('nora'), key('pernille')] },
      { key: 'side-2', name: 'Keep it open', members: [key('otto'), key('quentin')] },
    ],
    judge: key('judge-ravn'),
    rounds: '2',
  }),
  text: {
    title: 'The old bridge: what is known',
    text: `The bridge was built in 1897 and is 5.4 metres wide between the railings.
On a weekday 3,100 cars, 1,900 bicycles and 2,400 people on foot cross it.
In the last five years there were 41 accidents on it; in 33 of them somebody on a bicycle was hurt.
The new bridge is 1.8 kilometres upstream. By car the detour takes four to six minutes, in the morning up to eleven.
The ambulance crosses the old bridge about 160 times a year. A retractable bollard that lets it pass costs 38,000.
A trial closure for three weeks in October raised the number of bicycles by 44 percent.
During the trial the shops at the northern end lost between 6 and 15 percent of their takings; the cafés gained 9.
If cars go on crossing, the deck has to be renewed in two years for 1.2 million. Without cars it lasts another fifteen.
The two villages across the river have 620 inhabitants; a bus goes every forty minutes until eight in the evening.`,
  },
};

const PANEL: Scenario = {
  name: 'panel',
  title: 'A panel with a moderator',
  policy: 'moderator',
  about: 'Three experts, and a moderator who hears everything and proposes who goes on.',
  topic: 'Which part of our system do we rewrite first, and what do we leave alone for a year?',
  agents: [
    {
      name: 'mara-architect',
      instructions:
        'You are Mara, an architect who has regretted two rewrites and is proud of one. You look for the seam where a part can be cut out without stopping the rest. Say what you would measure before starting. Rest on the documents. At most 120 words.',
    },
    {
      name: 'teo-operations',
      instructions:
        'You are Teo, who is woken when it breaks. You know which alarms come every week and which come once and end a weekend. Ask of every plan how one would go back. Rest on the documents. At most 120 words.',
    },
    {
      name: 'lin-product',
      instructions:
        'You are Lin, who talks to customers three days a week. You translate every technical point into what a customer would notice, and when. Say plainly what you would give up for it. Rest on the documents. At most 120 words.',
    },
    {
      name: 'chair-ines',
      instructions:
        'You are Ines, who chairs the panel. You give the word to whoever can answer the open question, and see that nobody is left out. You never speak on the matter yourself.',
    },
  ],
  aside: ['chair-ines'],
  rule: () => ({ max_turns: '9' }),
  text: {
    title: 'State of the system, this autumn',
    text: `Billing is nine years old. Four percent of it is covered by tests; two of its three authors have left.
Billing caused 5 of the last 20 incidents, and 71 percent of the hours that incidents took.
Search is three years old, has good tests, and is slow: the median answer takes 1.9 seconds.
Customers who wait more than two seconds for a search leave the page in 31 percent of all cases.
Notifications are sent from four places. Last quarter 2,300 customers were sent the same message twice.
The team has six engineers until June and eight afterwards. An audit takes two of them until the end of March.
Moving billing behind one interface is estimated at seven weeks, a rewrite at nine months.
A new index for search is estimated at four weeks and can be switched off at any time.
One queue for all notifications is estimated at five weeks.`,
  },
};

const BOARD: Scenario = {
  name: 'board',
  title: 'A review board that votes',
  policy: 'vote',
  about: 'Before every turn each member casts a ballot for who should be heard next.',
  topic: 'Does release 4.2 go out on Thursday?',
  agents: [
    {
      name: 'release-lead',
      instructions:
        'You lead the release. You want it out on Thursday, and you want to be told why not. State what is ready, what is not, and the smallest thing that would make you wait. Rest on the documents. At most 110 words.',
    },
    {
      name: 'security-review',
      instructions:
        'You review security. You rank risks by who could be harmed and how easily. Say which finding blocks the release, which does not, and what would have to be true for you to change your mind. At most 110 words.',
    },
    {
      name: 'support-voice',
      instructions:
        'You speak for support. You know what customers ask in the first hour after a release. Say which change will fill the inbox, what the answer would be, and whether it is written yet. At most 110 words.',
    },
    {
      name: 'data-steward',
      instructions:
        'You look after the data. You ask of every migration how long it takes, whether it can be taken back, and who has tried it on a copy of the real thing. At most 110 words.',
    },
  ],
  rule: () => ({ max_turns: '8' }),
  text: {
    title: 'Release 4.2: open points',
    text: `Release 4.2 brings the new import, roles for teams, and a migration of 84 million rows.
On a copy of the production data the migration took 3 hours 40 minutes. It has not been taken back on that copy yet.
The import fails for files above 2 GB; 1.3 percent of last month's files were larger.
The penetration test found one issue of medium severity: a team's name is shown to members who were removed. A patch is in review.
All 2,214 tests pass. The run of the browser tests on Monday failed twice with timeouts and passed the third time.
Support has answers for roles. The answer for the import is a draft.
Thursday is the last day before a holiday in two of our three largest countries.
The next possible date is Tuesday of the following week.`,
  },
};

const SUPPORT: Scenario = {
  name: 'support',
  title: 'A support desk that hands over',
  policy: 'graph',
  about: 'Who may speak after whom is a graph: words in a message choose the way. Ends where no edge leads on.',
  topic:
    'A customer writes: “I was charged twice for my March invoice, and since then my tablet does not sync any more. Please sort out both.”',
  agents: [
    {
      name: 'front-desk',
      instructions:
        'You are the front desk. You read the message once, restate it in one sentence, and say what kind of matter it is: a charge, a matter of sync, or both. Promise nothing. At most 80 words.',
    },
    {
      name: 'billing-desk',
      instructions:
        'You are the billing desk. You check what was charged against the documents, say what is refunded and until when, and mention sync only if it is still open, for then the technician goes on. At most 100 words.',
    },
    {
      name: 'technician',
      instructions:
        'You are the technician. You name the most likely cause from the documents, the one step that the customer should take, and what to send if it does not help. At most 100 words.',
    },
    {
      name: 'desk-lead',
      instructions:
        'You lead the desk. You read everything that was said and write the one answer that goes to the customer: kind, complete, without internal words. At most 140 words.',
    },
  ],
  rule: (key) => ({
    edges: [
      { key: 'edge-1', from: key('front-desk'), to: key('billing-desk'), when: 'charge' },
      { key: 'edge-2', from: key('front-desk'), to: key('technician'), when: 'sync' },
      { key: 'edge-3', from: key('front-desk'), to: key('desk-lead'), when: '' },
      { key: 'edge-4', from: key('billing-desk'), to: key('technician'), when: 'sync' },
      { key: 'edge-5', from: key('billing-desk'), to: key('desk-lead'), when: '' },
      { key: 'edge-6', from: key('technician'), to: key('desk-lead'), when: '' },
    ],
    start: key('front-desk'),
  }),
  text: {
    title: 'Support handbook, extract',
    text: `Charged twice: when a payment is retried within ten minutes, the second charge is booked on a waiting list and shows on the statement for up to five days.
A second charge that was really booked is refunded within three working days; the customer gets a confirmation by mail.
On 14 March a retry storm charged 312 customers twice. All of them are on list R-14.
Sync stops when the payment state of an account is "disputed": devices go on working offline and sync again when it is cleared.
To clear it by hand: Settings, Account, Check payment. It takes about two minutes.
If a device does not sync after that, ask for the log of the last hour and the app's version.
Tablets with a version below 7.3 have to be updated first.
Every answer names one person who stays responsible until the matter is closed.`,
  },
};

export const SCENARIOS: readonly Scenario[] = [DEBATE, PANEL, BOARD, SUPPORT];

export const scenarioOf = (name: string): Scenario | undefined => SCENARIOS.find((one) => one.name === name);

/** The scenario as a draft, with the agents that are there now. */
export function draftOf(scenario: Scenario, agents: readonly { id: string; name: string }[]): Draft {
  const seats = scenario.agents
    .filter(({ name }) => !scenario.aside?.includes(name))
    .flatMap(({ name }) => agents.filter((agent) => agent.name === name).map(agentSeat));
  const idOf = (name: string): string => agents.find((agent) => agent.name === name)?.id ?? '';
  return {
    ...EMPTY,
    ...{ topic: scenario.topic, seats, policy: scenario.policy, max_turns: '20' },
    ...(scenario.aside?.[0] !== undefined && { moderator: idOf(scenario.aside[0]) }),
    texts: [{ key: `text:${scenario.name}`, ...scenario.text }],
    ...scenario.rule((name) => `agent:${idOf(name)}`),
  };
}
