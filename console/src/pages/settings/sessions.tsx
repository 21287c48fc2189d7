import type { Session } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useResource } from '../../lib/resource.tsx';
import { useClient, useSession } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { When } from '../../ui/page.tsx';
import { ErrorNote, Loaded } from '../../ui/states.tsx';

export function SessionsSection(): ReactNode {
  const client = useClient();
  const { signOut } = useSession();
  const resource = useResource('sessions', (signal) => client.auth.sessions({ signal }));
  const [error, setError] = useState<unknown>();
  const end = async (session: Session): Promise<void> => {
    try {
      if (session.current) return await signOut();
      await client.auth.revokeSession(session.id);
      resource.reload();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <section>
      <h2 className="section-title">Where you are signed in</h2>
      {error !== undefined && <ErrorNote error={error} />}
      <Loaded resource={resource}>
        {(sessions) => (
          <ul className="lines">
            {sessions.map((session) => (
              <li key={session.id}>
                <div className="line-main">
                  <strong>{browser(session.user_agent)}</strong>
                  {session.current && <span className="tag">this one</span>}
                  <span className="faint">
                    {session.ip} · used <When time={session.last_used_at} />
                  </span>
                </div>
                <Button look="quiet" onClick={() => void end(session)}>
                  Sign out
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}

/** Good enough to know one's own devices by. */
function browser(agent: string | null): string {
  if (!agent) return 'Unknown';
  const name = /Edg\//.test(agent)
    ? 'Edge'
    : /Firefox\//.test(agent)
      ? 'Firefox'
      : /Chrome\//.test(agent)
        ? 'Chrome'
        : /Safari\//.test(agent)
          ? 'Safari'
          : undefined;
  const system = /Android/.test(agent)
    ? 'Android'
    : /iPhone|iPad/.test(agent)
      ? 'iOS'
      : /Mac OS X/.test(agent)
        ? 'macOS'
        : /Windows/.test(agent)
          ? 'Windows'
          : /Linux/.test(agent)
            ? 'Linux'
            : undefined;
  if (!name) return agent.slice(0, 60);
  return system ? `${name} on ${system}` : name;
}
