import type { Permission } from '@parley/sdk';
import { type ReactNode, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { useOnline } from '../lib/online.ts';
import { Link, useRouter } from '../lib/router.tsx';
import { useCan, useMe, useSession } from '../lib/session.tsx';
import { type Theme, useTheme } from '../lib/theme.ts';
import { Avatar } from './avatar.tsx';
import { IconButton } from './controls.tsx';
import { Icon, type IconName, Logo } from './icon.tsx';
import { Palette, useShortcut } from './palette.tsx';
import { ErrorNote } from './states.tsx';

const PLACES: { to: string; label: string; icon: IconName; needs?: Permission }[] = [
  { to: '/discussions', label: 'Discussions', icon: 'talk' },
  { to: '/agents', label: 'Agents', icon: 'agent' },
  { to: '/documents', label: 'Documents', icon: 'document' },
  { to: '/system', label: 'System', icon: 'pulse', needs: 'events:read' },
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
  const can = useCan();
  const [problem, setProblem] = useState<unknown>();
  const [finding, setFinding] = useState(false);
  useShortcut(useCallback(() => setFinding(true), []));
  const main = useFocusOfPage(location.path);
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
        <button type="button" className="finder" onClick={() => setFinding(true)}>
          <Icon name="search" />
          <span>Go to…</span>
          <kbd>{/mac/i.test(navigator.platform) ? '⌘' : 'Ctrl'} K</kbd>
        </button>
        <nav aria-label="Main" className="places">
          {PLACES.filter(({ needs }) => needs === undefined || can(needs)).map(({ to, label, icon }) => (
            <Link key={to} to={to} className="place" aria-current={location.path.startsWith(to) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{label}</span>
            </Link>
          ))}
        </nav>
        <Foot onProblem={setProblem} />
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        <Offline />
        {problem !== undefined && <ErrorNote error={problem} title="You are still signed in." />}
        {children}
      </main>
      {finding && <Palette onClose={() => setFinding(false)} />}
    </div>
  );
}

/** Who is signed in; at the foot of the rail, and on a phone within the settings. */
function Foot({ onProblem }: { onProblem(problem: unknown): void }): ReactNode {
  const { signOut } = useSession();
  const { user, tenant } = useMe();
  return (
    <div className="rail-foot">
      <Avatar name={user.name || user.email} kind="user" size="small" />
      <div className="who">
        <strong>{user.name || user.email}</strong>
        <span>{tenant.name}</span>
      </div>
      <ThemeButton />
      <IconButton icon="out" label="Sign out" onClick={() => signOut().catch(onProblem)} />
    </div>
  );
}

/**
 * On the way to another page the focus goes to it, so that a screen reader reads on there and Tab begins there. A page
 * that has put the focus somewhere itself keeps it; so does the first page, where the browser's own order holds.
 */
function useFocusOfPage(path: string): RefObject<HTMLElement | null> {
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
}

function Offline(): ReactNode {
  const online = useOnline();
  return (
    <div role="status">
      {!online && (
        <p className="offline">
          <Icon name="offline" /> This machine has no network. What you see may be old; what you type here is kept.
        </p>
      )}
    </div>
  );
}
