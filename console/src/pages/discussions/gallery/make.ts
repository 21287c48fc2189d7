import { type Agent, type Parley, ParleyError } from '@parley/sdk';
import type { Draft } from '../draft.ts';
import { draftOf, type Scenario } from './scenarios.ts';

type Agents = Pick<Parley['agents'], 'list' | 'create' | 'restore'>;

/** Sees to it that the scenario's agents are there, and answers its draft. Agents of these names stay as they are. */
export async function makeReady(agents: Agents, scenario: Scenario): Promise<Draft> {
  const there: Agent[] = [];
  for (const { name, instructions } of scenario.agents) {
    const agent = (await find(agents, name)) ?? (await create(agents, { name, instructions }));
    there.push(agent.status === 'archived' ? await agents.restore(agent.id) : agent);
  }
  return draftOf(scenario, there);
}

async function find(agents: Agents, name: string): Promise<Agent | undefined> {
  for (const status of ['active', 'archived'] as const) {
    const { items } = await agents.list({ q: name, status, page_size: 100 });
    const found = items.find((agent) => agent.name === name);
    if (found) return found;
  }
  return undefined;
}

async function create(agents: Agents, agent: { name: string; instructions: string }): Promise<Agent> {
  try {
    return await agents.create(agent);
  } catch (error) {
    // Somebody else made it between the look and this.
    const found =
      error instanceof ParleyError && error.code === 'already_exists' ? await find(agents, agent.name) : undefined;
    if (found) return found;
    throw error;
  }
}
