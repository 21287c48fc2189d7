import { type ReactNode, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { useClient, useMe, useSession } from '../../lib/session.tsx';
import { type Theme, useTheme } from '../../lib/theme.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, TextField } from '../../ui/controls.tsx';
import { Tabs } from '../../ui/search.tsx';
import { ErrorNote } from '../../ui/states.tsx';

export function ProfileSection(): ReactNode {
  const { user, tenant, roles } = useMe();
  const { signOut } = useSession();
  const [theme, setTheme] = useTheme();
  const [problem, setProblem] = useState<unknown>();
  return (
    <div className="stack stack-wide">
      {problem !== undefined && <ErrorNote error={problem} title="You are still signed in." />}
      <section className="person">
        <Avatar name={user.name || user.email} kind="user" size="large" />
        <div>
          <h2>{user.name}</h2>
          <p className="faint">
            {user.email} · {roles.join(', ')} of {tenant.name}
          </p>
        </div>
        <Button icon="out" onClick={() => signOut().catch(setProblem)}>
          Sign out
        </Button>
      </section>
      <section>
        <h2 className="section-title">Appearance</h2>
        <Tabs<Theme>
          label="Theme"
          value={theme}
          tabs={[
            { value: 'system', label: 'As the machine' },
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
          ]}
          onChange={setTheme}
        />
      </section>
      <Password />
    </div>
  );
}

function Password(): ReactNode {
  const client = useClient();
  const [done, setDone] = useState(false);
  const initial = { current_password: '', new_password: '' };
  const form = useForm({
    initial,
    validate: ({ current_password, new_password }) => ({
      ...(current_password === '' && { current_password: 'Enter the password you have.' }),
      ...(new_password.length < 10 && { new_password: 'At least 10 characters.' }),
    }),
    submit: async (values) => {
      await client.auth.changePassword(values);
      form.replace(initial);
      setDone(true);
    },
  });
  return (
    <section>
      <h2 className="section-title">Password</h2>
      <form className="stack narrow-form" onSubmit={(event) => void form.submit(event)} noValidate>
        <TextField
          label="Now"
          type="password"
          autoComplete="current-password"
          value={form.values.current_password}
          problem={form.problem('current_password')}
          onChange={(event) => form.set('current_password', event.target.value)}
        />
        <TextField
          label="New"
          type="password"
          autoComplete="new-password"
          hint="Your other sessions are signed out."
          value={form.values.new_password}
          problem={form.problem('new_password')}
          onChange={(event) => form.set('new_password', event.target.value)}
        />
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <div className="form-foot">
          <Button type="submit" busy={form.busy}>
            Change it
          </Button>
          <span role="status" className="faint">
            {done && 'Changed.'}
          </span>
        </div>
      </form>
    </section>
  );
}
