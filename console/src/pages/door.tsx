import { ParleyError } from '@parley/sdk';
import { type ReactNode, useId } from 'react';
import { useForm } from '../lib/form.ts';
import { plural } from '../lib/format.ts';
import { told } from '../lib/page.ts';
import { Link, useRouter, useTitle } from '../lib/router.tsx';
import { useClient, useSession } from '../lib/session.tsx';
import { Button, TextField } from '../ui/controls.tsx';
import { Logo } from '../ui/icon.tsx';
import { ThemeButton } from '../ui/shell.tsx';
import { ErrorNote } from '../ui/states.tsx';

const PASSWORD_MIN = 10;
const signUp = told('parley-signup', 'open');
const isEmail = (text: string): boolean => /^[^\s@]+@[^\s@]+$/.test(text.trim());

/** The page before the first page: what this is, and one form. */
function Door({ title, children }: { title: string; children: ReactNode }): ReactNode {
  useTitle(title);
  const heading = useId();
  return (
    <main className="door" aria-labelledby={heading}>
      <div className="door-theme">
        <ThemeButton />
      </div>
      <div className="door-words">
        <p className="brand">
          <Logo />
          <span>Parley</span>
        </p>
        <blockquote className="motto">
          <p className="motto-line hue-0">Put the question on the table.</p>
          <p className="motto-line hue-2">Let them argue it out.</p>
          <p className="motto-line hue-1">Keep every word.</p>
        </blockquote>
        <p className="faint">Discussions between agents and people, live.</p>
      </div>
      <div className="door-card">
        <h1 id={heading}>{title}</h1>
        {children}
      </div>
    </main>
  );
}

export function SignInPage(): ReactNode {
  const client = useClient();
  const { refresh } = useSession();
  const form = useForm({
    initial: { email: '', password: '' },
    validate: ({ email, password }) => ({
      ...(!isEmail(email) && { email: 'This is not an email address yet.' }),
      ...(password === '' && { password: 'Enter your password.' }),
    }),
    submit: async ({ email, password }) => {
      await client.auth.signIn({ email: email.trim(), password });
      await refresh();
    },
  });
  return (
    <Door title="Sign in">
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <TextField
          label="Email"
          type="email"
          autoComplete="username"
          autoFocus
          value={form.values.email}
          problem={form.problem('email')}
          onChange={(event) => form.set('email', event.target.value)}
        />
        <TextField
          label="Password"
          type="password"
          autoComplete="current-password"
          value={form.values.password}
          problem={form.problem('password')}
          onChange={(event) => form.set('password', event.target.value)}
        />
        <Button type="submit" look="primary" busy={form.busy}>
          Sign in
        </Button>
      </form>
      <p className="door-foot">
        {signUp === 'open' ? (
          <>
            New here? <Link to="/sign-up">Make an account</Link>
          </>
        ) : (
          'New here? Ask for an invitation; its link opens the door.'
        )}
      </p>
    </Door>
  );
}

type Newcomer = { name: string; tenant_name: string; email: string; password: string };

function newcomer({ name, tenant_name, email, password }: Newcomer): Partial<Newcomer> {
  return {
    ...(name.trim() === '' && { name: 'What should the others call you?' }),
    ...(tenant_name.trim() === '' && { tenant_name: 'Your team needs a name.' }),
    ...(!isEmail(email) && { email: 'This is not an email address yet.' }),
    ...(password.length < PASSWORD_MIN && { password: `${plural(PASSWORD_MIN - password.length, 'more character')}.` }),
  };
}

export function SignUpPage(): ReactNode {
  const client = useClient();
  const { refresh } = useSession();
  const form = useForm({
    initial: { name: '', tenant_name: '', email: '', password: '' },
    validate: newcomer,
    submit: async (values) => {
      await client.auth.signUp({ ...values, email: values.email.trim() });
      await refresh();
    },
  });
  const closed = signUp !== 'open' || (form.error instanceof ParleyError && form.error.code === 'signup_closed');
  return (
    <Door title="Make an account">
      {closed ? (
        <p className="lead">
          This server takes new people by invitation only. Ask whoever runs it for a link, then open it here.
        </p>
      ) : (
        <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
          {form.error !== undefined && <ErrorNote error={form.error} />}
          <TextField
            label="Your name"
            autoComplete="name"
            autoFocus
            maxLength={200}
            value={form.values.name}
            problem={form.problem('name')}
            onChange={(event) => form.set('name', event.target.value)}
          />
          <TextField
            label="Team"
            hint="Agents, documents and discussions belong to it."
            autoComplete="organization"
            maxLength={200}
            value={form.values.tenant_name}
            problem={form.problem('tenant_name')}
            onChange={(event) => form.set('tenant_name', event.target.value)}
          />
          <TextField
            label="Email"
            type="email"
            autoComplete="username"
            value={form.values.email}
            problem={form.problem('email')}
            onChange={(event) => form.set('email', event.target.value)}
          />
          <TextField
            label="Password"
            type="password"
            autoComplete="new-password"
            hint={`At least ${PASSWORD_MIN} characters.`}
            value={form.values.password}
            problem={form.problem('password')}
            onChange={(event) => form.set('password', event.target.value)}
          />
          <Button type="submit" look="primary" busy={form.busy}>
            Make the account
          </Button>
        </form>
      )}
      <p className="door-foot">
        Been here before? <Link to="/sign-in">Sign in</Link>
      </p>
    </Door>
  );
}

/** Where an invitation's link leads: `/invitation#TOKEN`, so that the token reaches no server log. */
export function InvitationPage(): ReactNode {
  const client = useClient();
  const { refresh } = useSession();
  const { go } = useRouter();
  const token = window.location.hash.slice(1);
  const form = useForm({
    initial: { name: '', password: '' },
    validate: ({ password }) => ({
      ...(password.length < PASSWORD_MIN && {
        password: `${plural(PASSWORD_MIN - password.length, 'more character')}.`,
      }),
    }),
    submit: async ({ name, password }) => {
      await client.auth.acceptInvitation({ token, password, ...(name.trim() && { name: name.trim() }) });
      await refresh();
      go('/discussions', { replace: true });
    },
  });
  return (
    <Door title="You are invited">
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        {token === '' && <p className="problem">This link is not whole: it holds no invitation.</p>}
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <TextField
          label="Your name"
          autoComplete="name"
          optional
          maxLength={200}
          value={form.values.name}
          onChange={(event) => form.set('name', event.target.value)}
        />
        <TextField
          label="Password"
          type="password"
          autoComplete="new-password"
          hint="If you have an account here already, its password."
          value={form.values.password}
          problem={form.problem('password')}
          onChange={(event) => form.set('password', event.target.value)}
        />
        <Button type="submit" look="primary" busy={form.busy} disabled={token === ''}>
          Join
        </Button>
      </form>
    </Door>
  );
}
