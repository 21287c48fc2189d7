import type { Discussion, Participant } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { clock } from '../../lib/format.ts';
import { Link } from '../../lib/router.tsx';
import { useCan } from '../../lib/session.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { Button } from '../../ui/controls.tsx';
import { RevokeSeatKey, SeatKeyDialog } from '../dialogs/seat-key.tsx';
import { isOpen } from '../state.ts';
import { useNow } from '../use-arena.ts';
import { hueIn, remaining } from '../words.ts';

/** Who sits at the table; a seat's key is made and taken back here. */
export function People({ discussion }: { discussion: Discussion }): ReactNode {
  return (
    <section aria-label="Participants">
      <ul className="people">
        {discussion.participants.map((participant) => (
          <li key={participant.id}>
            <Avatar
              name={participant.name}
              kind={participant.kind}
              hue={hueIn(discussion, participant.id)}
              size="small"
            />
            <div className="person-facts">
              <strong dir="auto">
                {participant.agent_id ? (
                  <Link to={`/agents/${participant.agent_id}`}>{participant.name}</Link>
                ) : (
                  participant.name
                )}
              </strong>
              <span className="faint">{KINDS[participant.kind]}</span>
              <Awaited participant={participant} discussion={discussion} />
            </div>
            {participant.kind === 'seat' && <SeatKey participant={participant} discussion={discussion} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

const KINDS: Record<Participant['kind'], string> = {
  agent: 'agent',
  user: 'person',
  seat: 'seat, for a client of your own',
};

function Awaited({ participant, discussion }: { participant: Participant; discussion: Discussion }): ReactNode {
  const awaited = discussion.status === 'waiting' && discussion.next_speaker?.participant_id === participant.id;
  const left = remaining(discussion.deadline, useNow(awaited));
  if (!awaited) return null;
  return <span className="awaited">{left === undefined ? 'is awaited' : `is awaited, ${clock(left)} left`}</span>;
}

function SeatKey({ participant, discussion }: { participant: Participant; discussion: Discussion }): ReactNode {
  const [asking, setAsking] = useState<'key' | 'revoke' | undefined>();
  const can = useCan();
  if (!can('discussions:write') || !isOpen(discussion)) return null;
  return (
    <div className="person-actions">
      <Button icon="key" onClick={() => setAsking('key')}>
        Key…
      </Button>
      <Button look="quiet" onClick={() => setAsking('revoke')}>
        Revoke
      </Button>
      {asking === 'key' && (
        <SeatKeyDialog discussion={discussion} participant={participant} onClose={() => setAsking(undefined)} />
      )}
      {asking === 'revoke' && (
        <RevokeSeatKey discussion={discussion} participant={participant} onClose={() => setAsking(undefined)} />
      )}
    </div>
  );
}
