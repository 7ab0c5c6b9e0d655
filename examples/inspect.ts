// A live tree in the Stately inspector. Run it and open the printed address in a browser; Ctrl-C ends it.
// The page embeds the hosted inspector; the events come from this process over a WebSocket that is bound to loopback.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInspector } from '@statelyai/inspect';
import { createTree } from 'supertree';
import { type WebSocket, WebSocketServer } from 'ws';

const HOST = '127.0.0.1';
const history: string[] = [];
const viewers = new Set<WebSocket>();

// The actors are registered in the first messages, so a late viewer gets them all; a long-running program would bound them.
const inspector = createInspector({
  start: () => {},
  stop: () => {},
  send: (event) => {
    const message = JSON.stringify(event);
    history.push(message);
    for (const viewer of viewers) viewer.send(message);
  },
});

const server = createServer((_, reply) => reply.setHeader('content-type', 'text/html').end(page()));
new WebSocketServer({ server, verifyClient: ({ origin }: { origin: string }) => origin === address() }).on(
  'connection',
  (viewer) => {
    for (const message of history) viewer.send(message);
    viewers.add(viewer.on('close', () => viewers.delete(viewer)));
  },
);

const tree = createTree(
  {
    children: [
      { id: 'steady', command: ['sleep', '600'] },
      { id: 'flaky', command: ['sh', '-c', 'sleep 3; exit 3'] },
      { id: 'group', strategy: 'rest_for_one', children: ['a', 'b'].map((id) => ({ id, command: ['sleep', '600'] })) },
    ],
    onExhausted: 'cooldown',
  },
  { inspect: (event) => inspector.inspect.next?.(event) },
);

server.listen(Number(process.env.PORT ?? 8080), HOST, async () => {
  await tree.start();
  console.log(`open ${address()}`);
});
process.once('SIGINT', async () => {
  await tree.stop();
  for (const viewer of viewers) viewer.terminate();
  server.close();
});

function address(): string {
  return `http://${HOST}:${(server.address() as AddressInfo).port}`;
}

/** The hosted inspector asks for nothing but messages; it says when it is ready for them. */
function page(): string {
  return `<!doctype html><title>supertree in the Stately inspector</title>
<style>html, body, iframe { margin: 0; width: 100%; height: 100%; border: 0 }</style>
<iframe src="https://stately.ai/inspect"></iframe>
<script>
  const frame = document.querySelector('iframe').contentWindow;
  const waiting = [];
  let send = (event) => waiting.push(event);
  addEventListener('message', ({ data, source }) => {
    if (source !== frame || data?.type !== '@statelyai.connected') return;
    send = (event) => frame.postMessage(event, 'https://stately.ai');
    waiting.splice(0).forEach(send);
  });
  new WebSocket(location.origin.replace('http', 'ws')).onmessage = ({ data }) => send(JSON.parse(data));
</script>`;
}
