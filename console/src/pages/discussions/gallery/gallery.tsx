import { type ReactNode, useState } from 'react';
import { listed, plural } from '../../../lib/format.ts';
import { useRouter } from '../../../lib/router.tsx';
import { useCan, useClient } from '../../../lib/session.tsx';
import { huesAt } from '../../../lib/speakers.ts';
import { Avatar } from '../../../ui/avatar.tsx';
import { Button, LinkButton } from '../../../ui/controls.tsx';
import { Page } from '../../../ui/page.tsx';
import { ErrorNote, Note } from '../../../ui/states.tsx';
import { inputOf } from '../form.ts';
import { makeReady } from './make.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { PolicySketch } from './sketch.tsx';

/** Discussions that are ready to begin, on a page of their own. */
export function GalleryPage(): ReactNode {
  return (
    <Page
      title="Ready discussions"
      lead="One click makes the agents that are missing and begins. Or change one first, and learn by it."
      back={{ to: '/discussions', label: 'Discussions' }}
    >
      <Gallery />
    </Page>
  );
}

export function Gallery(): ReactNode {
  const can = useCan();
  return (
    <>
      {!can('agents:write') && (
        <Note>Your role may not make agents: a discussion begins only where its agents are there already.</Note>
      )}
      <ul className="gallery">
        {SCENARIOS.map((scenario) => (
          <li key={scenario.name}>
            <Ready scenario={scenario} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Ready({ scenario }: { scenario: Scenario }): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const can = useCan();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const begin = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const draft = await makeReady(client.agents, scenario);
      const { id } = await client.discussions.create(inputOf(draft));
      go(`/discussions/${id}`);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const names = scenario.agents.map(({ name }) => name);
  const hues = huesAt(names);
  return (
    <article className="ready" aria-labelledby={`ready-${scenario.name}`}>
      <PolicySketch policy={scenario.policy} hues={hues} />
      <div className="ready-body">
        <h2 id={`ready-${scenario.name}`}>{scenario.title}</h2>
        <p className="ready-topic">{scenario.topic}</p>
        <p className="hint">{scenario.about}</p>
        <p className="ready-people">
          <span className="stack-of-avatars" aria-hidden="true">
            {names.map((name, i) => (
              <Avatar key={name} name={name} kind="agent" hue={hues[i] ?? 0} size="small" />
            ))}
          </span>
          <span className="visually-hidden">{listed(names)}. </span>
          <span className="faint">
            {plural(names.length, 'agent')}, {plural(1, 'text')}
          </span>
        </p>
        {error !== undefined && <ErrorNote error={error} />}
        {can('discussions:write') && (
          <div className="form-foot">
            <Button look="primary" icon="play" busy={busy} onClick={() => void begin()}>
              Begin
            </Button>
            <LinkButton to={`/discussions/new?from=${scenario.name}`} look="quiet">
              Change it first
            </LinkButton>
          </div>
        )}
      </div>
    </article>
  );
}
