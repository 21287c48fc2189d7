import type { Agent, Invocation } from '@parley/sdk';
import { type ReactNode, useRef, useState } from 'react';
import { cost, count, duration } from '../../lib/format.ts';
import { useClient } from '../../lib/session.tsx';
import { hueOf } from '../../lib/speakers.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, TextArea } from '../../ui/controls.tsx';
import { Prose } from '../../ui/prose.tsx';
import { ErrorNote, Note } from '../../ui/states.tsx';

type Answer = { text: string; done: Invocation | undefined; error: unknown };

/** Asks the agent alone, and shows the answer as it comes. */
export function Try({ agent, unsaved }: { agent: Agent; unsaved: boolean }): ReactNode {
  const client = useClient();
  const [input, setInput] = useState('');
  const [answer, setAnswer] = useState<Answer | undefined>();
  const running = useRef<AbortController | undefined>(undefined);
  const [busy, setBusy] = useState(false);

  const ask = async (): Promise<void> => {
    const question = input.trim();
    if (question === '' || busy) return;
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    setAnswer({ text: '', done: undefined, error: undefined });
    try {
      for await (const event of client.agents.stream(agent.id, { input: question }, { signal: controller.signal })) {
        if (event.type === 'delta')
          setAnswer((before) => ({ done: undefined, error: undefined, text: (before?.text ?? '') + event.text }));
        else setAnswer({ text: event.content, done: event, error: undefined });
      }
    } catch (error) {
      if (!controller.signal.aborted) setAnswer((before) => ({ text: before?.text ?? '', done: undefined, error }));
    } finally {
      setBusy(false);
    }
  };

  return (
    <section className={`try hue-${hueOf(agent.name)}`} aria-labelledby="try-title">
      <h2 id="try-title">Try {agent.name}</h2>
      {unsaved && <Note tone="warn">Not saved yet: {agent.name} answers as it was.</Note>}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <TextArea
          label="Ask something"
          rows={3}
          value={input}
          onChange={(event) => setInput(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) void ask();
          }}
        />
        <div className="form-foot">
          {busy ? (
            <Button icon="stop" onClick={() => running.current?.abort()}>
              Stop
            </Button>
          ) : (
            <Button type="submit" icon="play" disabled={input.trim() === ''}>
              Ask
            </Button>
          )}
        </div>
      </form>
      {answer && (
        <div className="answer" aria-live={busy ? 'off' : 'polite'} aria-busy={busy}>
          <Avatar name={agent.name} kind="agent" />
          <div>
            {answer.text === '' && busy && (
              <p className="thinking">
                <i />
                <i />
                <i />
              </p>
            )}
            {answer.text !== '' && <Prose text={answer.text} {...(busy && { tail: <span className="caret" /> })} />}
            {answer.error !== undefined && <ErrorNote error={answer.error} />}
            {answer.done && <Took answer={answer.done} />}
          </div>
        </div>
      )}
    </section>
  );
}

function Took({ answer }: { answer: Invocation }): ReactNode {
  const { usage, rehearsal } = answer;
  return (
    <p className="facts">
      {rehearsal && (
        <span className="tag" title="Composed by rule from the documents. No language model was asked.">
          rehearsal
        </span>
      )}{' '}
      {[
        !rehearsal && answer.model,
        `${count(usage.input_tokens)} in, ${count(usage.output_tokens)} out`,
        !rehearsal && cost(usage.cost_nano_usd),
        `first word ${duration(answer.time_to_first_token_ms)}`,
        `whole ${duration(answer.duration_ms)}`,
      ]
        .filter((fact) => typeof fact === 'string')
        .join(' · ')}
    </p>
  );
}
