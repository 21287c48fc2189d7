import { type ReactNode, useId } from 'react';
import { useResource } from '../../lib/resource.tsx';
import { useClient } from '../../lib/session.tsx';
import { Field } from '../../ui/controls.tsx';

type ModelFieldProps = {
  label?: string;
  /** What is taken where none is named; absent: the team's default. */
  otherwise?: string;
  value: string;
  problem?: string | undefined;
  onChange(model: string): void;
  onBlur?(): void;
};

/** The ids of models that are known here, without agents. */
export function useModels(): string[] {
  const client = useClient();
  const { data } = useResource('models', (signal) => client.models.list({ signal }));
  return (data ?? []).map(({ id }) => id).filter((id) => !id.startsWith('agent:'));
}

/** Models known here are offered; any id may be typed. */
export function ModelField(props: ModelFieldProps): ReactNode {
  const { label = 'Model', otherwise, value, problem, onChange, onBlur } = props;
  const client = useClient();
  const offered = useModels();
  const { data: chosen } = useResource('model-default', (signal) => client.models.getDefault({ signal }));
  const list = useId();
  return (
    <Field
      label={label}
      optional
      hint={`Empty: ${otherwise ?? (chosen ? `your team’s default, now ${chosen.effective}` : 'your team’s default')}.`}
      problem={problem}
    >
      {(aria) => (
        <>
          <input
            {...aria}
            list={list}
            value={value}
            spellCheck={false}
            autoCapitalize="none"
            placeholder="default"
            onChange={(event) => onChange(event.target.value)}
            onBlur={onBlur}
          />
          <datalist id={list}>
            {offered.map((id) => (
              <option key={id} value={id} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
