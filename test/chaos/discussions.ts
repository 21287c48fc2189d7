import type { DiscussionInput } from '@parley/sdk';
import { Parley } from '@parley/sdk';

export const AGENTS = ['advocate', 'critic', 'expert', 'judge'] as const;
/** What agents and people are called in every discussion here. */
export const NAMES = [...AGENTS, 'guest'];

export type Cast = { readonly agents: Readonly<Record<(typeof AGENTS)[number], string>>; readonly userId: string };

/** A new tenant with its agents, and the person who made it. */
export async function enrol(url: string, model: string): Promise<{ parley: Parley; cast: Cast }> {
  const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory' });
  const { user } = await parley.auth.signUp({
    email: `chaos-${crypto.randomUUID()}@example.com`,
    password: `chaos ${crypto.randomUUID()}`,
    tenant_name: 'Chaos',
    name: 'Person',
  });
  const made = [];
  for (const name of AGENTS) made.push([name, (await parley.agents.create({ name, model })).id] as const);
  return { parley, cast: { agents: Object.fromEntries(made) as Cast['agents'], userId: user.id } };
}

const ON_POST = ['enqueue', 'interrupt', 'rollback'] as const;

/** The `n`-th discussion: all eight policies in turn, people and guests among the agents, every way to interject. */
export function discussionNo(n: number, { agents, userId }: Cast, turns: number): DiscussionInput {
  const { advocate, critic, expert, judge } = agents;
  const three = [advocate, critic, expert].map((agent_id) => ({ agent_id }));
  const guest = { seat: { name: 'guest' } };
  const person = { user_id: userId };
  const casts: Pick<DiscussionInput, 'participants' | 'policy'>[] = [
    { participants: [...three, guest], policy: { type: 'round_robin' } },
    { participants: [...three, person], policy: { type: 'priority', weights: { advocate: 5, critic: 3 } } },
    { participants: [...three, person, guest], policy: { type: 'mention' } },
    { participants: three, policy: { type: 'moderator', agent_id: judge } },
    { participants: [...three, guest], policy: { type: 'vote' } },
    {
      participants: three,
      policy: {
        type: 'graph',
        edges: [
          { from: 'advocate', to: 'critic' },
          { from: 'advocate', to: 'expert', when: 'winter' },
          { from: 'critic', to: 'expert' },
          { from: 'critic', to: 'advocate' },
          { from: 'expert', to: 'advocate' },
        ],
      },
    },
    {
      participants: [...three, { agent_id: judge }],
      policy: {
        type: 'debate',
        sides: [
          { name: 'for', participants: ['advocate'] },
          { name: 'against', participants: ['critic', 'expert'] },
        ],
        rounds: Math.max(1, Math.floor((turns - 1) / 2)),
        judge: 'judge',
      },
    },
    { participants: [...three, person], policy: { type: 'manual' } },
  ];
  const chosen = casts[n % casts.length] as (typeof casts)[number];
  return {
    topic: `Chaos, number ${n}`,
    ...chosen,
    limits: { max_turns: turns, turn_timeout_seconds: 60 },
    on_post: ON_POST[Math.floor(n / casts.length) % ON_POST.length] ?? 'enqueue',
    on_turn_failure: 'skip',
  };
}
