import { uuidv7 } from '../../lib/ids.ts';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { FieldFault } from '../../platform/http/validation.ts';
import type { Agent } from '../agents/index.ts';
import type { Participant } from './rules/fold.ts';
import type { CreateDiscussion } from './schemas.ts';
import { nameKey, plainName, seatNameFault } from './seats/names.ts';

/** Who people are: the identity and access modules, as far as a discussion needs them. */
export type People = {
  /** A member of the tenant; undefined for who is none. */
  findMember(queries: Reader | Tx, userId: string): Promise<{ readonly name: string } | undefined>;
  /** What an API key is called. */
  findKeyName(queries: Reader | Tx, keyId: string): Promise<string | undefined>;
};

type Wanted = CreateDiscussion['participants'][number];
type Found = { readonly participant: Participant; readonly path: string };

export const fault = (field: string, rule: string, message: string): FieldFault => ({
  in: 'body',
  field,
  rule,
  message,
});

/** Those who were asked to take part, under names that are theirs alone; and every fault, with the field that has it. */
export async function gatherParticipants(
  { people }: { readonly people: Pick<People, 'findMember'> },
  tx: Tx,
  { wanted, agents }: { wanted: readonly Wanted[]; agents: ReadonlyMap<string, Agent> },
): Promise<{ participants: Participant[]; faults: FieldFault[] }> {
  const faults: FieldFault[] = [];
  const found: Found[] = [];
  for (const [index, one] of wanted.entries()) {
    const path = `participants.${index}`;
    let participant: Participant | FieldFault;
    if ('agent_id' in one) participant = agentParticipant(agents.get(one.agent_id), `${path}.agent_id`);
    else if ('seat' in one) participant = seatParticipant(one.seat.name, `${path}.seat.name`);
    else {
      const member = await people.findMember(tx, one.user_id);
      participant = personParticipant(one.user_id, member, `${path}.user_id`);
    }
    if ('rule' in participant) faults.push(participant);
    else if (isThere(found, participant)) faults.push(fault(path, 'unique', 'takes part already'));
    else found.push({ participant, path });
  }
  faults.push(...seatClashes(found));
  return { participants: distinct(found.map(({ participant }) => participant)), faults };
}

const isThere = (found: readonly Found[], { agent_id, user_id }: Participant): boolean =>
  found.some(
    ({ participant: other }) =>
      (agent_id !== null && other.agent_id === agent_id) || (user_id !== null && other.user_id === user_id),
  );

export function agentParticipant(agent: Agent | undefined, field: string): Participant | FieldFault {
  if (!agent) return fault(field, 'exists', 'is no agent of this tenant');
  if (agent.status === 'archived') return fault(field, 'active', 'is an archived agent');
  return { id: uuidv7(), kind: 'agent', agent_id: agent.id, user_id: null, name: agent.name };
}

export function personParticipant(
  userId: string,
  member: { readonly name: string } | undefined,
  field: string,
): Participant | FieldFault {
  if (!member) return fault(field, 'exists', 'is no member of this tenant');
  return { id: uuidv7(), kind: 'user', agent_id: null, user_id: userId, name: plainName(member.name) };
}

function seatParticipant(name: string, field: string): Participant | FieldFault {
  const wrong = seatNameFault(name);
  if (wrong !== undefined) return fault(field, 'name', wrong);
  return { id: uuidv7(), kind: 'seat', agent_id: null, user_id: null, name: name.normalize('NFC') };
}

/** A seat's name is chosen here and now, so it is the seat's that gives way; an agent's and a person's are what they are. */
function seatClashes(found: readonly Found[]): FieldFault[] {
  return found.flatMap(({ participant: { kind, name }, path }, index) => {
    const clashes = ({ participant: other }: Found, at: number) =>
      (other.kind !== 'seat' || at < index) && nameKey(other.name) === nameKey(name);
    return kind === 'seat' && found.some(clashes)
      ? [fault(`${path}.seat.name`, 'unique', 'is the name of another participant')]
      : [];
  });
}

/** What somebody who takes no part is called: never what a participant is, for whom others would take them. */
export function outsidersName(name: string, participants: readonly Participant[]): string {
  const plain = plainName(name);
  return participants.some((p) => nameKey(p.name) === nameKey(plain)) ? `${plain} (not taking part)` : plain;
}

/** Two people may have one name, or a person an agent's; within a discussion a name means one participant. */
function distinct(participants: readonly Participant[]): Participant[] {
  const taken = new Set(participants.filter(({ kind }) => kind === 'seat').map(({ name }) => nameKey(name)));
  return participants.map((participant) => {
    if (participant.kind === 'seat') return participant;
    let { name } = participant;
    for (let number = 2; taken.has(nameKey(name)); number++) name = `${participant.name} ${number}`;
    taken.add(nameKey(name));
    return { ...participant, name };
  });
}
