import {
  type AnchorHTMLAttributes,
  createContext,
  type MouseEvent,
  type ReactNode,
  useContext,
  useEffect,
  useState,
} from 'react';

type Location = { path: string; query: URLSearchParams };
type Router = { location: Location; go(to: string, options?: { replace?: boolean }): void };

const RouterContext = createContext<Router | undefined>(undefined);
const here = (): Location => ({ path: window.location.pathname, query: new URLSearchParams(window.location.search) });

/** The address bar as state. Every page of the console has an address, so that a reload finds it again. */
export function RouterProvider({ children }: { children: ReactNode }): ReactNode {
  const [location, setLocation] = useState(here);
  useEffect(() => {
    const changed = (): void => setLocation(here());
    window.addEventListener('popstate', changed);
    return () => window.removeEventListener('popstate', changed);
  }, []);
  const go: Router['go'] = (to, { replace = false } = {}) => {
    const before = window.location.pathname;
    if (replace) window.history.replaceState(null, '', to);
    else window.history.pushState(null, '', to);
    setLocation(here());
    if (window.location.pathname !== before) window.scrollTo(0, 0);
  };
  return <RouterContext value={{ location, go }}>{children}</RouterContext>;
}

export function useRouter(): Router {
  const router = useContext(RouterContext);
  if (!router) throw new Error('useRouter outside of RouterProvider');
  return router;
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string };

/** A real link: middle click, copy and modifier keys stay the browser's. */
export function Link({ to, onClick, ...rest }: LinkProps): ReactNode {
  const { go } = useRouter();
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return <a href={to} onClick={follow} {...rest} />;
}

/** Matches `/agents/:id`; undefined when the path is another. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.replace(/(.)\/$/, '$1').split('/')];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? '';
    if (part.startsWith(':')) {
      if (value === '') return undefined;
      try {
        params[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return undefined;
      }
    } else if (part !== value) return undefined;
  }
  return params;
}

/** Names the page: in the tab, and for a screen reader when the page changes. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Parley' : `${title} · Parley`;
  }, [title]);
}
