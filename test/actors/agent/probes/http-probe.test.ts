import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpProbe } from '../../../../src/actors/agent/probes/http-probe.js';
import type { Probe, ProbeResult } from '../../../../src/actors/agent/probes/probe.js';
import { tcpProbe } from '../../../../src/actors/agent/probes/tcp-probe.js';
import { systemClock } from '../../../../src/contract/clock.js';

/** Longer than any run here takes on a busy machine. */
const LONG = 30_000;

/** The port of a server that listens until the test is over. */
async function listening(server: Server, host: string): Promise<number> {
  await new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, host, () => resolve(undefined));
  });
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

const run = (probe: Probe, timeout = LONG): Promise<ProbeResult> => new Promise((resolve) => probe(timeout, resolve));

const statusOf =
  (code: number): RequestListener =>
  (_, response) => {
    response.writeHead(code, { location: 'http://localhost:1/' }).end('text');
  };

const http = (port: number, path = '/') => httpProbe({ port, path, clock: systemClock });
const tcp = (port: number) => tcpProbe({ port, clock: systemClock });

describe('an http probe', () => {
  it.each([
    [200, 'passed'],
    [204, 'passed'],
    [302, 'passed'],
    [399, 'passed'],
    [400, 'failed'],
    [500, 'failed'],
    [503, 'failed'],
  ])('with the status %i has %s, and follows no redirect', async (code, outcome) => {
    const port = await listening(createHttpServer(statusOf(code)), '127.0.0.1');
    const text = outcome === 'failed' ? { text: `http://localhost:${port}/ answered ${code}` } : {};
    expect(await run(http(port))).toEqual({ outcome, ...text });
  });

  it('asks for its path with the host localhost', async () => {
    const seen: (string | undefined)[] = [];
    const server = createHttpServer((request, response) => {
      seen.push(request.method, request.url, request.headers.host);
      response.end();
    });
    const port = await listening(server, '127.0.0.1');
    expect(await run(http(port, '/health?full=1'))).toEqual({ outcome: 'passed' });
    expect(seen).toEqual(['GET', '/health?full=1', `localhost:${port}`]);
  });

  it('does not read a body that never ends', async () => {
    const server = createHttpServer((_, response) => void response.writeHead(200).write('begin'));
    const port = await listening(server, '127.0.0.1');
    expect(await run(http(port))).toEqual({ outcome: 'passed' });
  });

  it('has failed when the answer is late, is no HTTP, or the connection ends before it', async () => {
    const answers: ((socket: Socket) => void)[] = [
      () => {},
      (socket) => void socket.end('220 mail.example ESMTP\r\n'),
      (socket) => void socket.resetAndDestroy(),
      (socket) => void socket.end(),
    ];
    for (const [index, answer] of answers.entries()) {
      const server = createServer((socket) => void socket.on('error', () => {}).once('data', () => answer(socket)));
      const port = await listening(server, '127.0.0.1');
      expect(await run(http(port), index === 0 ? 50 : LONG)).toMatchObject({ outcome: 'failed' });
    }
  });

  it('has failed when another process answers', async () => {
    const port = await listening(createHttpServer(statusOf(200)), '127.0.0.1');
    const text = `port ${port} is answered by a process that is not of this agent`;
    const probe = httpProbe({ port, path: '/', clock: systemClock, ownsPort: () => false });
    expect(await run(probe)).toEqual({ outcome: 'foreign', text });
  });

  it('leaves no connection when it is cancelled', async () => {
    const server = createHttpServer(() => {});
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const port = await listening(server, '127.0.0.1');
    let results = 0;
    const cancel = http(port)(LONG, () => results++);
    const socket = await connected;
    cancel();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(results).toBe(0);
  });
});

describe.each([
  ['tcp', tcp],
  ['http', http],
] as const)('a %s probe', (_, probe) => {
  it('finds a program that listens on one loopback address alone', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const port = await listening(createHttpServer(statusOf(200)), host);
      expect(await run(probe(port))).toEqual({ outcome: 'passed' });
    }
  });

  it('has failed when nothing listens', async () => {
    const server = createServer();
    const port = await listening(server, '127.0.0.1');
    await new Promise((resolve) => server.close(resolve));
    expect(await run(probe(port))).toMatchObject({ outcome: 'failed' });
  });
});
