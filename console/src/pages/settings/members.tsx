import type { Invitation, Member, Role } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { date } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient, useMe } from '../../lib/session.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Secret } from '../../ui/secret.tsx';
import { ErrorNote, Loaded } from '../../ui/states.tsx';

const ROLES: readonly Role[] = ['owner', 'admin', 'developer', 'operator', 'viewer'];
const MEANS: Record<Role, string> = {
  owner: 'everything',
  admin: 'people, keys and providers',
  developer: 'makes agents',
  operator: 'runs discussions',
  viewer: 'reads',
};

export function MembersSection(): ReactNode {
  const client = useClient();
  const can = useCan();
  const members = useResource('members', (signal) => client.users.list({ page_size: 100 }, { signal }));
  const [leaving, setLeaving] = useState<Member | undefined>();
  return (
    <div className="stack stack-wide">
      <section>
        <h2 className="section-title">People</h2>
        <Loaded resource={members}>
          {({ items }) => (
            <ul className="lines">
              {items.map((member) => (
                <Line key={member.id} member={member} onChange={members.reload} onLeave={() => setLeaving(member)} />
              ))}
            </ul>
          )}
        </Loaded>
      </section>
      {can('users:write') && <Invitations />}
      {leaving && (
        <Confirm
          title={`Remove ${leaving.name || leaving.email}?`}
          action="Remove"
          onClose={() => setLeaving(undefined)}
          onConfirm={async () => {
            await client.users.remove(leaving.id);
            members.reload();
          }}
        >
          <p>They are signed out at once. What they said stays.</p>
        </Confirm>
      )}
    </div>
  );
}

function Line({ member, onChange, onLeave }: { member: Member; onChange(): void; onLeave(): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const { user } = useMe();
  const [error, setError] = useState<unknown>();
  const role = ROLES.find((name) => member.roles.includes(name)) ?? 'viewer';
  const change = async (next: Role): Promise<void> => {
    setError(undefined);
    try {
      await client.users.setRoles(member.id, [next]);
      onChange();
    } catch (problem) {
      setError(problem);
    }
  };
  const mine = member.id === user.id;
  return (
    <li>
      <Avatar name={member.name || member.email} kind="user" size="small" />
      <div className="line-main">
        <strong>{member.name || member.email}</strong>
        {mine && <span className="tag">you</span>}
        <span className="faint">{member.email}</span>
        {error !== undefined && <ErrorNote error={error} />}
      </div>
      {can('users:write') && !mine ? (
        <>
          <select
            aria-label={`Role of ${member.name || member.email}`}
            value={role}
            onChange={(event) => void change(event.target.value as Role)}
          >
            {ROLES.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <Button look="quiet" onClick={onLeave}>
            Remove
          </Button>
        </>
      ) : (
        <span className="faint">{member.roles.join(', ')}</span>
      )}
    </li>
  );
}

function Invitations(): ReactNode {
  const client = useClient();
  const open = useResource('invitations', (signal) => client.invitations.list({ page_size: 100 }, { signal }));
  const [link, setLink] = useState<string | undefined>();
  const form = useForm({
    initial: { email: '', role: 'developer' as Role },
    validate: ({ email }) => ({
      ...(!/^[^\s@]+@[^\s@]+$/.test(email.trim()) && { email: 'This is not an email address yet.' }),
    }),
    submit: async ({ email, role }) => {
      const made = await client.invitations.create({ email: email.trim(), roles: [role] });
      setLink(`${window.location.origin}/invitation#${made.token ?? ''}`);
      form.replace({ email: '', role });
      open.reload();
    },
  });
  return (
    <section>
      <h2 className="section-title">Invite</h2>
      {link && <Secret value={link} label="Hand this link to them. It is shown this once." />}
      <form className="inline-form" onSubmit={(event) => void form.submit(event)} noValidate>
        <TextField
          label="Email"
          type="email"
          value={form.values.email}
          problem={form.problem('email')}
          onChange={(event) => form.set('email', event.target.value)}
        />
        <Select
          label="Role"
          value={form.values.role}
          onChange={(event) => form.set('role', event.target.value as Role)}
        >
          {ROLES.map((name) => (
            <option key={name} value={name}>
              {name}: {MEANS[name]}
            </option>
          ))}
        </Select>
        <Button type="submit" look="primary" busy={form.busy}>
          Invite
        </Button>
      </form>
      {form.error !== undefined && <ErrorNote error={form.error} />}
      <Loaded resource={open}>
        {({ items }) => (items.length > 0 ? <Open items={items} onChange={open.reload} /> : null)}
      </Loaded>
    </section>
  );
}

function Open({ items, onChange }: { items: readonly Invitation[]; onChange(): void }): ReactNode {
  const client = useClient();
  const [error, setError] = useState<unknown>();
  return (
    <>
      {error !== undefined && <ErrorNote error={error} />}
      <ul className="lines">
        {items.map((invitation) => (
          <li key={invitation.id}>
            <div className="line-main">
              <strong>{invitation.email}</strong>
              <span className="faint">
                {invitation.roles.join(', ')} ·{' '}
                {invitation.status === 'open' ? `open until ${date(invitation.expires_at)}` : invitation.status}
              </span>
            </div>
            {invitation.status === 'open' && (
              <Button
                look="quiet"
                onClick={() => void client.invitations.revoke(invitation.id).then(onChange, setError)}
              >
                Take back
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
