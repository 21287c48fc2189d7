import { type ReactNode, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { useOnline } from '../lib/online.ts';
import { Link, useRouter } from '../lib/router.tsx';
import { useCan, useMe, useSession } from '../lib/session.tsx';
import { type Theme, useTheme } from '../lib/theme.ts';
import { Avatar } from './avatar.tsx';
import { IconButton } from './controls.tsx';
import { Dialog } from './dialog.tsx';
import { Icon, type IconName, Logo } from './icon.tsx';
import { Palette, useShortcut } from './palette.tsx';
import { isAt, type Place, type PlaceGroup, placesFor } from './places.ts';
import { ErrorNote } from './states.tsx';

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
        <Places path={location.path} />
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

/** Where one can go, in groups; on a phone a bar with the rest behind `More`. */
function Places({ path }: { path: string }): ReactNode {
  const groups = placesFor(useCan());
  const [open, setOpen] = useState(false);
  const behind = groups.flatMap(({ places }) => places).find((place) => !place.bar && isAt(path, place));
  return (
    <nav aria-label="Main" className="places">
      <Groups groups={groups} path={path} />
      <button
        type="button"
        className={behind ? 'place place-more place-here' : 'place place-more'}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <Icon name="more" />
        <span>{behind?.label ?? 'More'}</span>
      </button>
      {open && (
        <Dialog title="Go to" onClose={() => setOpen(false)}>
          <div className="sheet-places">
            <Groups groups={groups} path={path} onGo={() => setOpen(false)} />
          </div>
        </Dialog>
      )}
    </nav>
  );
}

function Groups(props: { groups: readonly PlaceGroup[]; path: string; onGo?: () => void }): ReactNode {
  const { groups, path, onGo } = props;
  const draw = (place: Place): ReactNode => (
    <li key={place.to} className={place.bar ? undefined : 'place-off-bar'}>
      <Link to={place.to} className="place" aria-current={isAt(path, place) ? 'page' : undefined} onClick={onGo}>
        <Icon name={place.icon} />
        <span>{place.label}</span>
      </Link>
    </li>
  );
  return groups.map(({ label, places }) => (
    <div key={label} className="place-group">
      <p className="place-label" aria-hidden="true">
        {label}
      </p>
      <ul aria-label={label}>{places.map(draw)}</ul>
    </div>
  ));
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
