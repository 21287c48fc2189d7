import type { Agent, Invocation } from '@parley/sdk';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { cost, count, duration } from '../../lib/format.ts';
import { useClient } from '../../lib/session.tsx';
import { hueOf } from '../../lib/speakers.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, TextArea } from '../../ui/controls.tsx';
import { Prose } from '../../ui/prose.tsx';
import { ErrorNote, Note } from '../../ui/states.tsx';

type Answer = { text: string; done: Invocation | undefined; error: unknown };

type Asking = { answer: Answer | undefined; busy: boolean; ask(question: string): Promise<void>; stop(): void };

function useAsking(agent: Agent): Asking {
  const client = useClient();
  const [answer, setAnswer] = useState<Answer | undefined>();
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const ask = async (question: string): Promise<void> => {
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    setAnswer({ text: '', done: undefined, error: undefined });
    try {
      for await (const event of client.agents.stream(agent.id, { input: question }, { signal: controller.signal })) {
        if (event.type === 'done') setAnswer({ text: event.content, done: event, error: undefined });
        else setAnswer((before) => ({ done: undefined, error: undefined, text: (before?.text ?? '') + event.text }));
      }
    } catch (error) {
      if (!controller.signal.aborted) setAnswer((before) => ({ text: before?.text ?? '', done: undefined, error }));
    } finally {
      setBusy(false);
    }
  };
  return { answer, busy, ask, stop: () => running.current?.abort() };
}

/** Asks the agent alone, and shows the answer as it comes. Who leaves the page stops it. */
export function Try({ agent, unsaved }: { agent: Agent; unsaved: boolean }): ReactNode {
  const [input, setInput] = useState('');
  const { answer, busy, ask, stop } = useAsking(agent);
  const send = (event: { preventDefault(): void }): void => {
    event.preventDefault();
    if (input.trim() !== '' && !busy) void ask(input.trim());
  };
  return (
    <section className={`try hue-${hueOf(agent.name)}`} aria-labelledby="try-title">
      <h2 id="try-title">Try {agent.name}</h2>
      {unsaved && <Note tone="warn">Not saved yet: {agent.name} answers as it was.</Note>}
      <form className="stack" onSubmit={send}>
        <TextArea
          label="Ask something"
          rows={3}
          value={input}
          onChange={(event) => setInput(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) send(event);
          }}
        />
        <div className="form-foot">
          {busy ? (
            <Button icon="stop" onClick={stop}>
              Stop
            </Button>
          ) : (
            <Button type="submit" icon="play" disabled={input.trim() === ''}>
              Ask
            </Button>
          )}
        </div>
      </form>
      {answer && <Answered agent={agent} answer={answer} busy={busy} />}
    </section>
  );
}

function Answered({ agent, answer, busy }: { agent: Agent; answer: Answer; busy: boolean }): ReactNode {
  return (
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
