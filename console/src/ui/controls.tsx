import type {
  ButtonHTMLAttributes,
  InputHTMLAttributes,
  ReactNode,
  SelectHTMLAttributes,
  TextareaHTMLAttributes,
} from 'react';
import { useId } from 'react';
import { Link } from '../lib/router.tsx';
import { Icon, type IconName } from './icon.tsx';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';
type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; icon?: IconName; busy?: boolean };

export function Button({
  look = 'plain',
  icon,
  busy = false,
  children,
  className = '',
  ...rest
}: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look} ${className}`}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
    >
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}

export function LinkButton(props: { to: string; look?: Look; icon?: IconName; children: ReactNode }): ReactNode {
  return (
    <Link to={props.to} className={`button button-${props.look ?? 'plain'}`}>
      {props.icon && <Icon name={props.icon} />}
      <span>{props.children}</span>
    </Link>
  );
}

/** A button that is only a sign; its label is its name and its hint. */
export function IconButton({
  icon,
  label,
  className = '',
  ...rest
}: Omit<ButtonProps, 'look'> & { icon: IconName; label: string }): ReactNode {
  return (
    <button type="button" {...rest} className={`icon-button ${className}`} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  problem?: string | undefined;
  optional?: boolean;
  children(props: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': boolean | undefined;
  }): ReactNode;
};

/** A label, what it is about, and what is wrong: tied together for a screen reader. */
export function Field({ label, hint, problem, optional, children }: FieldProps): ReactNode {
  const id = useId();
  const hintId = `${id}-hint`;
  return (
    <div className={problem ? 'field field-bad' : 'field'}>
      <label htmlFor={id}>
        {label}
        {optional && <span className="optional"> optional</span>}
      </label>
      {children({
        id,
        'aria-describedby': problem || hint ? hintId : undefined,
        'aria-invalid': problem ? true : undefined,
      })}
      {problem ? (
        <p id={hintId} className="problem" role="alert">
          {problem}
        </p>
      ) : (
        hint && (
          <p id={hintId} className="hint">
            {hint}
          </p>
        )
      )}
    </div>
  );
}

type Common = { label: ReactNode; hint?: ReactNode; problem?: string | undefined; optional?: boolean };

export function TextField({
  label,
  hint,
  problem,
  optional,
  ...rest
}: Common & InputHTMLAttributes<HTMLInputElement>): ReactNode {
  return (
    <Field label={label} hint={hint} problem={problem} {...(optional && { optional })}>
      {(aria) => <input {...rest} {...aria} />}
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  problem,
  optional,
  ...rest
}: Common & TextareaHTMLAttributes<HTMLTextAreaElement>): ReactNode {
  return (
    <Field label={label} hint={hint} problem={problem} {...(optional && { optional })}>
      {(aria) => <textarea {...rest} {...aria} />}
    </Field>
  );
}

export function Select({
  label,
  hint,
  problem,
  optional,
  children,
  ...rest
}: Common & SelectHTMLAttributes<HTMLSelectElement>): ReactNode {
  return (
    <Field label={label} hint={hint} problem={problem} {...(optional && { optional })}>
      {(aria) => (
        <div className="select">
          <select {...rest} {...aria}>
            {children}
          </select>
          <Icon name="chevron" />
        </div>
      )}
    </Field>
  );
}

type Choice<T extends string> = { value: T; title: string; text: string };

/** A few ways, each with what it means. */
export function Choices<T extends string>(props: {
  label: string;
  name: string;
  value: T;
  choices: readonly Choice<T>[];
  /** For many choices, or such as matter less. */
  compact?: boolean;
  onChange(value: T): void;
}): ReactNode {
  return (
    <fieldset className={props.compact ? 'choices choices-compact' : 'choices'}>
      <legend>{props.label}</legend>
      <div className="choices-row">
        {props.choices.map(({ value, title, text }) => (
          <label key={value} className="choice">
            <input
              type="radio"
              name={props.name}
              value={value}
              checked={props.value === value}
              onChange={() => props.onChange(value)}
            />
            <span className="choice-body">
              <strong>{title}</strong>
              <span>{text}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
