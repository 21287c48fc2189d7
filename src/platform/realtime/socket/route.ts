import type { Handshake, Router } from '../../http/router.ts';

const DESCRIPTION = `A WebSocket that carries many channels, beside the event streams and on the same cursors. Messages are JSON objects in text
frames, of at most 64 KiB.

**Who you are**: \`{"type":"auth","token":"…"}\` as the first message, within 5 seconds; or \`?ticket=\`; or the subprotocols
\`parley.v1\` and \`bearer.<token>\`; or, from programs, an \`Authorization\` header. Answered by \`ready {tenant_id, actor,
expires_at, max_channels}\`. Send another \`auth\` before \`expires_at\`, or the connection ends with 4401.

**You say** (\`id\` comes back with the answer): \`subscribe {channel, cursor?, types?, id?}\`, \`unsubscribe {channel, id?}\`,
\`ping {id?}\`. A channel is \`discussions/{id}\`, or another \`{topic}/{id}\` that can be followed, or \`*\`: everything of the
tenant, for who has \`events:read\`.

**You hear**: \`subscribed {channel, cursor}\`, \`event {channel, id, event, data}\` (\`id\` is the cursor to go on from, null for
what is live only), \`reset {channel, reason, cursor}\` (read the state anew, then go on from there), \`unsubscribed {channel,
reason}\` (\`asked\`, or \`revoked\` with an \`error\`), \`error {id?, channel?, error}\`, \`pong\`.

**Closed with**: 4401 not signed in, or not any more; 4403 somebody else's token; 4408 too slow: resume from your cursors;
4429 too many messages or connections; 1009 a message is too large; 1012 the server stops: come back after the
\`retry_ms\` in the reason; 1013 come back later.`;

export function socketRoute(
  router: Router,
  { operationId, open }: { operationId: string; open: (handshake: Handshake) => void },
): void {
  router.socket({
    url: '/ws',
    operationId,
    summary: 'Follow many things on one WebSocket',
    description: DESCRIPTION,
    tag: 'realtime',
    errors: ['upgrade_required', 'permission_denied'],
    open,
  });
}
