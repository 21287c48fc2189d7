import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A connection that may become a WebSocket, and what its client has sent behind the request's head. */
export type Upgrade = { readonly socket: Socket; readonly head: Buffer };

/** Requests that ask for a WebSocket go the same way as all others: named, traced, watched, refused in the one shape. */
export type Upgrades = {
  /** Whether this request asks for one. Any other protocol is not spoken here: its request is an ordinary one. */
  wanted(req: IncomingMessage): boolean;
  /** Sends it through the routes. */
  handle(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Whether this request can be taken. */
  has(req: IncomingMessage): boolean;
  /** Takes the connection away from HTTP: nothing is answered there any more. */
  take(req: IncomingMessage): Upgrade;
};

type Held = Upgrade & { readonly res: ServerResponse; readonly onError: () => void };

export function createUpgrades(route: (req: IncomingMessage, res: ServerResponse) => void): Upgrades {
  const held = new WeakMap<IncomingMessage, Held>();
  return {
    wanted: ({ method, headers }) => method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket',

    handle(req, duplex, head) {
      const socket = duplex as Socket;
      const res = new ServerResponse(req);
      // Node has let go of the socket: what is answered is the last on this connection.
      res.shouldKeepAlive = false;
      const onError = () => socket.destroy();
      socket.on('error', onError);
      try {
        res.assignSocket(socket);
      } catch {
        // An answer to a request before this one is still under way: a client that does not wait gets nothing.
        socket.destroy();
        return;
      }
      held.set(req, { socket, head, res, onError });
      res.once('finish', () => {
        res.detachSocket(socket);
        socket.end();
        res.emit('close');
      });
      route(req, res);
    },

    has: (req) => held.has(req),

    take(req) {
      const upgrade = held.get(req);
      if (upgrade === undefined) throw new Error('This request asks for no WebSocket, or has been answered');
      held.delete(req);
      const { socket, head, res, onError } = upgrade;
      res.detachSocket(socket);
      socket.off('error', onError);
      return { socket, head };
    },
  };
}
