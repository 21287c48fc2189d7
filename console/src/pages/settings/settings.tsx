import type { Permission } from '@parley/sdk';
import type { ReactNode } from 'react';
import { Link } from '../../lib/router.tsx';
import { useCan } from '../../lib/session.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty } from '../../ui/states.tsx';
import { KeysSection } from './keys.tsx';
import { MembersSection } from './members.tsx';
import { ProfileSection } from './profile.tsx';
import { ProvidersSection } from './providers.tsx';
import { SessionsSection } from './sessions.tsx';
import { UsageSection } from './usage.tsx';

type Section = { name: string; label: string; needs: Permission | undefined; draw(): ReactNode };

const SECTIONS: readonly Section[] = [
  { name: 'profile', label: 'You', needs: undefined, draw: () => <ProfileSection /> },
  { name: 'sessions', label: 'Sessions', needs: undefined, draw: () => <SessionsSection /> },
  { name: 'members', label: 'People', needs: 'users:read', draw: () => <MembersSection /> },
  { name: 'models', label: 'Models', needs: 'models:read', draw: () => <ProvidersSection /> },
  { name: 'keys', label: 'API keys', needs: 'api_keys:read', draw: () => <KeysSection /> },
  { name: 'usage', label: 'Usage', needs: 'generations:read', draw: () => <UsageSection /> },
];

/** What your role does not let you see is not offered. */
export function SettingsPage({ section }: { section: string }): ReactNode {
  const can = useCan();
  const offered = SECTIONS.filter(({ needs }) => needs === undefined || can(needs));
  const shown = offered.find(({ name }) => name === section);
  return (
    <Page title="Settings">
      <div className="settings">
        <nav className="subnav" aria-label="Settings">
          {offered.map(({ name, label }) => (
            <Link key={name} to={`/settings/${name}`} aria-current={name === section ? 'page' : undefined}>
              {label}
            </Link>
          ))}
        </nav>
        <div className="settings-body">
          {shown ? shown.draw() : <Empty title="There is no such page, or not for your role" />}
        </div>
      </div>
    </Page>
  );
}
