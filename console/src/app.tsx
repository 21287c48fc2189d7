import { type ReactNode, useEffect } from 'react';
import { ArenaPage } from './arena/arena.tsx';
import { Link, match, useRouter } from './lib/router.tsx';
import { useSession } from './lib/session.tsx';
import { AgentPage } from './pages/agents/edit.tsx';
import { AgentsPage } from './pages/agents/list.tsx';
import { ApiPage } from './pages/api/api.tsx';
import { DeadLettersPage } from './pages/dead-letters/list.tsx';
import { GalleryPage } from './pages/discussions/gallery/gallery.tsx';
import { DiscussionsPage } from './pages/discussions/list.tsx';
import { NewDiscussionPage } from './pages/discussions/new.tsx';
import { DocumentsPage } from './pages/documents/list.tsx';
import { NewDocumentPage } from './pages/documents/new.tsx';
import { DocumentPage } from './pages/documents/view.tsx';
import { InvitationPage, SignInPage, SignUpPage } from './pages/door.tsx';
import { EventPage } from './pages/events/event.tsx';
import { EventsPage } from './pages/events/list.tsx';
import { OrdersPage } from './pages/orders/list.tsx';
import { NewOrderPage } from './pages/orders/new.tsx';
import { OrderPage } from './pages/orders/view.tsx';
import { ProductPage } from './pages/products/edit.tsx';
import { ProductsPage } from './pages/products/list.tsx';
import { SettingsPage } from './pages/settings/settings.tsx';
import { StreamsPage } from './pages/streams/streams.tsx';
import { SystemPage } from './pages/system/system.tsx';
import { WebhooksPage } from './pages/webhooks/list.tsx';
import { NewWebhookPage } from './pages/webhooks/new.tsx';
import { WebhookPage } from './pages/webhooks/view.tsx';
import { ErrorBoundary } from './ui/boundary.tsx';
import { Button, LinkButton } from './ui/controls.tsx';
import { Logo } from './ui/icon.tsx';
import { Page } from './ui/page.tsx';
import { Shell } from './ui/shell.tsx';
import { ErrorNote } from './ui/states.tsx';

type Route = { pattern: string; draw(params: Record<string, string>): ReactNode; immersed?: boolean };

const ROUTES: readonly Route[] = [
  { pattern: '/discussions', draw: () => <DiscussionsPage /> },
  { pattern: '/discussions/new', draw: () => <NewDiscussionPage /> },
  { pattern: '/discussions/gallery', draw: () => <GalleryPage /> },
  { pattern: '/discussions/:id', draw: ({ id = '' }) => <ArenaPage id={id} key={id} />, immersed: true },
  { pattern: '/agents', draw: () => <AgentsPage /> },
  { pattern: '/agents/new', draw: () => <AgentPage key="new" /> },
  { pattern: '/agents/:id', draw: ({ id = '' }) => <AgentPage id={id} key={id} /> },
  { pattern: '/documents', draw: () => <DocumentsPage /> },
  { pattern: '/documents/new', draw: () => <NewDocumentPage /> },
  { pattern: '/documents/:id', draw: ({ id = '' }) => <DocumentPage id={id} key={id} /> },
  { pattern: '/products', draw: () => <ProductsPage /> },
  { pattern: '/products/new', draw: () => <ProductPage key="new" /> },
  { pattern: '/products/:id', draw: ({ id = '' }) => <ProductPage id={id} key={id} /> },
  { pattern: '/orders', draw: () => <OrdersPage /> },
  { pattern: '/orders/new', draw: () => <NewOrderPage /> },
  { pattern: '/orders/:id', draw: ({ id = '' }) => <OrderPage id={id} key={id} /> },
  { pattern: '/events', draw: () => <EventsPage /> },
  { pattern: '/events/:id', draw: ({ id = '' }) => <EventPage id={id} key={id} /> },
  { pattern: '/dead-letters', draw: () => <DeadLettersPage /> },
  { pattern: '/webhooks', draw: () => <WebhooksPage /> },
  { pattern: '/webhooks/new', draw: () => <NewWebhookPage /> },
  { pattern: '/webhooks/:id', draw: ({ id = '' }) => <WebhookPage id={id} key={id} /> },
  { pattern: '/streams', draw: () => <StreamsPage /> },
  { pattern: '/endpoints', draw: () => <ApiPage /> },
  { pattern: '/system', draw: () => <SystemPage /> },
  { pattern: '/settings', draw: () => <SettingsPage section="profile" /> },
  { pattern: '/settings/:section', draw: ({ section = '' }) => <SettingsPage section={section} /> },
];

/** Who is not signed in sees the door, and afterwards the page they came for. */
export function App(): ReactNode {
  const { state, refresh } = useSession();
  const { location } = useRouter();
  if (location.path === '/invitation') return <InvitationPage />;
  if (state.status === 'starting') return <Waiting />;
  if (state.status === 'unreachable') {
    return (
      <main className="door">
        <div className="door-card">
          <h1>Parley does not answer</h1>
          <ErrorNote error={state.error} />
          <Button look="primary" onClick={() => void refresh()}>
            Try again
          </Button>
        </div>
      </main>
    );
  }
  if (state.status === 'out') return location.path === '/sign-up' ? <SignUpPage /> : <SignInPage />;
  if (['/', '/sign-in', '/sign-up'].includes(location.path)) return <Redirect to="/discussions" />;
  for (const { pattern, draw, immersed } of ROUTES) {
    const params = match(pattern, location.path);
    if (params) {
      return (
        <Shell immersed={immersed === true && params.id !== undefined}>
          <ErrorBoundary key={location.path}>{draw(params)}</ErrorBoundary>
        </Shell>
      );
    }
  }
  return (
    <Shell>
      <NotFound />
    </Shell>
  );
}

function Redirect({ to }: { to: string }): ReactNode {
  const { go } = useRouter();
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => go(to, { replace: true }), [to]);
  return <Waiting />;
}

function Waiting(): ReactNode {
  return (
    <main className="waiting">
      <h1 className="visually-hidden">Parley</h1>
      <div role="status" aria-label="Loading">
        <Logo />
      </div>
    </main>
  );
}

function NotFound(): ReactNode {
  return (
    <Page title="There is nothing at this address">
      <p className="lead">
        It may have been removed, or the link is not whole. <Link to="/documents">Documents</Link> and{' '}
        <Link to="/agents">agents</Link> have their own pages.
      </p>
      <p className="form-foot">
        <LinkButton to="/discussions">To the discussions</LinkButton>
      </p>
    </Page>
  );
}
