import type { Permission } from '@parley/sdk';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useId, useState } from 'react';
import { type Command, found } from '../lib/commands.ts';
import { useResource } from '../lib/resource.tsx';
import { useRouter } from '../lib/router.tsx';
import { useCan, useClient } from '../lib/session.tsx';
import { useModal } from './dialog.tsx';
import { Icon } from './icon.tsx';
import { placesFor } from './places.ts';

const MOST = 12;
type Entry = Command & { needs?: Permission };

/** Pages that no place of the rail is: what one makes, and the settings' sections. */
const MORE: readonly Entry[] = [
  { id: 'new', label: 'New discussion', to: '/discussions/new', detail: 'page', keywords: 'begin start create' },
  {
    id: 'gallery',
    label: 'Ready discussions',
    to: '/discussions/gallery',
    detail: 'page',
    keywords: 'gallery examples',
  },
  { id: 'live', label: 'Live discussions', to: '/discussions?status=running', detail: 'page', keywords: 'running' },
  { id: 'new-agent', label: 'New agent', to: '/agents/new', detail: 'page', keywords: 'create make' },
  { id: 'new-document', label: 'Add a document', to: '/documents/new', detail: 'page', keywords: 'new upload' },
  {
    ...{ id: 'new-product', label: 'New product', to: '/products/new', detail: 'page', keywords: 'create make' },
    needs: 'products:write',
  },
  {
    ...{ id: 'new-order', label: 'New order', to: '/orders/new', detail: 'page', keywords: 'place sell buy' },
    needs: 'orders:write',
  },
  {
    ...{ id: 'new-webhook', label: 'New webhook', to: '/webhooks/new', detail: 'page', keywords: 'make' },
    needs: 'webhooks:write',
  },
  {
    ...{ id: 'unpaid', label: 'Unpaid orders', to: '/orders?status=pending', detail: 'page' },
    needs: 'orders:read',
  },
  { id: 'models', label: 'Models', to: '/settings/models', detail: 'settings', keywords: 'providers keys' },
  { id: 'members', label: 'People', to: '/settings/members', detail: 'settings', keywords: 'invite users roles' },
  { id: 'keys', label: 'API keys', to: '/settings/keys', detail: 'settings' },
  { id: 'usage', label: 'Usage', to: '/settings/usage', detail: 'settings', keywords: 'cost tokens' },
  { id: 'profile', label: 'You', to: '/settings/profile', detail: 'settings', keywords: 'profile password name' },
];

/** Every page that the role may see; the rail's first. */
function pagesFor(can: (permission: Permission) => boolean): Command[] {
  const places = placesFor(can)
    .flatMap((group) => group.places)
    .filter(({ to }) => to !== '/settings')
    .map(({ to, label, keywords }) => ({ id: to, label, to, detail: 'page', ...(keywords && { keywords }) }));
  return [...places, ...MORE.filter(({ needs }) => needs === undefined || can(needs))];
}

/** Opens with Ctrl K or ⌘ K, wherever one is. */
export function useShortcut(onOpen: () => void): void {
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.altKey || event.shiftKey)
        return;
      event.preventDefault();
      onOpen();
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [onOpen]);
}

/** Every page, and the newest discussions, agents, documents and products, by a part of their names. */
export function Palette({ onClose }: { onClose(): void }): ReactNode {
  const { go } = useRouter();
  const modal = useModal(onClose);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const list = useId();
  const commands = found([...pagesFor(useCan()), ...useThings(useDeferredValue(typed.trim()))], typed, MOST);
  const chosen = Math.min(at, commands.length - 1);
  const open = (command: Command | undefined): void => {
    if (!command) return;
    onClose();
    go(command.to);
  };
  const pressed = (event: KeyboardEvent): void => {
    // Enter and Escape belong to whoever writes with an input method, until the word is chosen.
    if (event.nativeEvent.isComposing) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter') open(commands[chosen]);
    // At once: the browser tells of its own closing a moment later, when the next Ctrl K may have come already.
    else if (event.key === 'Escape') onClose();
    else if (move !== undefined) setAt((chosen + move + commands.length) % Math.max(1, commands.length));
    else return;
    event.preventDefault();
  };
  return (
    <dialog {...modal} className="dialog palette" aria-label="Go to">
      <div className="search">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Go to a page, a discussion, an agent, a document or a product"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={commands[chosen] ? `${list}-${chosen}` : undefined}
          autoComplete="off"
          placeholder="Go to…"
          maxLength={200}
          value={typed}
          onKeyDown={pressed}
          onChange={(event) => {
            setTyped(event.target.value);
            setAt(0);
          }}
        />
      </div>
      <div id={list} role="listbox" aria-label="Places" className="palette-list">
        {commands.map((command, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard is the field's, which says what is chosen
          <div
            key={command.id}
            id={`${list}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === chosen}
            className="palette-item"
            onMouseMove={() => setAt(i)}
            onClick={() => open(command)}
          >
            <span>{command.label}</span>
            <span className="faint">{command.detail}</span>
          </div>
        ))}
      </div>
      {commands.length === 0 && <p className="faint palette-none">Nothing is called that.</p>}
    </dialog>
  );
}

/** What is kept here, found by the server where there is much of it. */
function useThings(q: string): Command[] {
  const client = useClient();
  const can = useCan();
  const { data } = useResource(`palette:${q}`, async (signal) => {
    const found = q === '' ? {} : { q };
    const [talks, agents, documents, products] = await Promise.all([
      client.discussions.list({ limit: 50 }, { signal }),
      can('agents:read') ? client.agents.list({ page_size: 20, ...found }, { signal }) : undefined,
      can('documents:read') ? client.documents.list({ page_size: 20, ...found }, { signal }) : undefined,
      can('products:read') ? client.products.list({ page_size: 20, ...(q && { query: q }) }, { signal }) : undefined,
    ]);
    return [
      ...talks.items.map(({ id, topic }) => ({ id, label: topic, detail: 'discussion', to: `/discussions/${id}` })),
      ...(agents?.items ?? []).map(({ id, name }) => ({ id, label: name, detail: 'agent', to: `/agents/${id}` })),
      ...(documents?.items ?? []).map(({ id, title, snippet }) => ({
        ...{ id, label: title, detail: 'document', to: `/documents/${id}` },
        // The server looked into its text, too.
        ...(snippet && { keywords: q }),
      })),
      ...(products?.items ?? []).map(({ id, name, sku }) => ({
        ...{ id, label: name, detail: 'product', to: `/products/${id}`, keywords: `${sku ?? ''} ${q}` },
      })),
    ];
  });
  return data ?? [];
}
