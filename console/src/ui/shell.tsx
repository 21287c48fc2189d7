import { type ReactNode, useState } from 'react';
import { Link, useRouter } from '../lib/router.tsx';
import { useMe, useSession } from '../lib/session.tsx';
import { type Theme, useTheme } from '../lib/theme.ts';
import { Avatar } from './avatar.tsx';
import { IconButton } from './controls.tsx';
import { Icon, type IconName, Logo } from './icon.tsx';
import { ErrorNote } from './states.tsx';

const PLACES: { to: string; label: string; icon: IconName }[] = [
  { to: '/discussions', label: 'Discussions', icon: 'talk' },
  { to: '/agents', label: 'Agents', icon: 'agent' },
  { to: '/documents', label: 'Documents', icon: 'document' },
  { to: '/settings', label: 'Settings', icon: 'settings' },
];

const NEXT: Record<Theme, { theme: Theme; icon: IconName; label: string }> = {
  system: { theme: 'light', icon: 'system', label: 'Theme: as your machine says. Switch to light.' },
  light: { theme: 'dark', icon: 'sun', label: 'Theme: light. Switch to dark.' },
  dark: { theme: 'system', icon: 'moon', label: 'Theme: dark. Switch to what your machine says.' },
};

export function ThemeButton(): ReactNode {
  const [theme, setTheme] = useTheme();
  const { theme: next, icon, label } = NEXT[theme];
  return <IconButton icon={icon} label={label} onClick={() => setTheme(next)} />;
}

/** The frame around every page behind the sign-in. `immersed` gives a phone's whole screen to the page. */
export function Shell({ children, immersed = false }: { children: ReactNode; immersed?: boolean }): ReactNode {
  const { location } = useRouter();
  const { signOut } = useSession();
  const { user, tenant } = useMe();
  const [problem, setProblem] = useState<unknown>();
  return (
    <div className={immersed ? 'shell shell-immersed' : 'shell'}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="rail">
        <Link to="/discussions" className="brand">
          <Logo />
          <span>Parley</span>
        </Link>
        <nav aria-label="Main" className="places">
          {PLACES.map(({ to, label, icon }) => (
            <Link key={to} to={to} className="place" aria-current={location.path.startsWith(to) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{label}</span>
            </Link>
          ))}
        </nav>
        <div className="rail-foot">
          <Avatar name={user.name || user.email} kind="user" size="small" />
          <div className="who">
            <strong>{user.name || user.email}</strong>
            <span>{tenant.name}</span>
          </div>
          <ThemeButton />
          <IconButton icon="out" label="Sign out" onClick={() => signOut().catch(setProblem)} />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {problem !== undefined && <ErrorNote error={problem} title="You are still signed in." />}
        {children}
      </main>
    </div>
  );
}
