import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createPorts, type PortOptions } from '../../../src/actors/ports/ports.js';
import { systemClock } from '../../../src/contract/clock.js';
import type { ReportBody } from '../../../src/model/report.js';
import { portRange } from '../../ports.js';

const http = [{ name: 'http', preferred: null }];

function portsOf(count: number, options: PortOptions = {}) {
  const base = portRange(Math.max(count, 20));
  const reports: { path: string; body: ReportBody }[] = [];
  const ports = createPorts({ base, count, ...options }, systemClock, (path, body) => reports.push({ path, body }));
  return { base, ports, reports };
}

const opened: (Server | ChildProcess)[] = [];
afterEach(async () => {
  for (const one of opened.splice(0))
    await ('pid' in one ? end(one) : new Promise((resolve) => (one as Server).close(resolve)));
});

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function listen(port: number, host: string): Promise<void> {
  const server = createServer();
  opened.push(server);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ port, host }, resolve));
}

/** A process of its own that listens on each host, on ports from this one on. */
async function stranger(port: number, hosts: readonly string[]): Promise<number> {
  const listening = hosts.map((host, at) => `s.push(listen(${port + at}, '${host}'));`).join('');
  const code = `
    const listen = (port, host) => new Promise((resolve) => require('net').createServer().listen(port, host, resolve));
    const s = []; ${listening} Promise.all(s).then(() => console.log('up'));`;
  const child = spawn(process.execPath, ['-e', code, 'stranger'], { stdio: ['ignore', 'pipe', 'inherit'] });
  opened.push(child);
  if (child.stdout === null || child.pid === undefined) throw new Error('no child');
  await once(child.stdout, 'data');
  return child.pid;
}

describe('leasing ports', () => {
  it('gives the lowest free ports by name, in the order of the requests', async () => {
    const { ports, base } = portsOf(10);
    const both = [
      { name: 'zeta', preferred: null },
      { name: 'alpha', preferred: base + 7 },
    ];
    const leased = await ports.lease('root/a', 1, both);
    expect(Object.entries(leased)).toEqual([
      ['zeta', base],
      ['alpha', base + 7],
    ]);
    expect(await ports.lease('root/b', 1, http)).toEqual({ http: base + 1 });
    expect(ports.leases()).toEqual([
      { port: base, path: 'root/a', name: 'zeta', incarnation: 1 },
      { port: base + 1, path: 'root/b', name: 'http', incarnation: 1 },
      { port: base + 7, path: 'root/a', name: 'alpha', incarnation: 1 },
    ]);
  });

  it('leaves the port free for the agent to bind, on every address', async () => {
    const { ports } = portsOf(10);
    const { http: port = 0 } = await ports.lease('root/a', 1, http);
    await expect(listen(port, '::')).resolves.toBeUndefined();
  });

  it('answers a repeated question with the same ports, and an empty one with none', async () => {
    const { ports } = portsOf(10);
    const [first, second] = await Promise.all([ports.lease('root/a', 1, http), ports.lease('root/a', 1, http)]);
    expect(second).toEqual(first);
    expect(ports.leases()).toHaveLength(1);
    expect(await ports.lease('root/b', 1, [])).toEqual({});
  });

  it('leases no port twice when 300 ask at once, each for two', async () => {
    const { ports } = portsOf(600);
    const two = [...http, { name: 'admin', preferred: null }];
    const all = await Promise.all(Array.from({ length: 300 }, (_, i) => ports.lease(`root/a${i}`, 1, two)));
    const leased = all.flatMap((each) => Object.values(each));
    expect(leased).toHaveLength(600);
    expect(new Set(leased).size).toBe(600);
    expect(ports.leases().map(({ port }) => port)).toEqual(leased.toSorted((a, b) => a - b));
  });

  it('rejects PORTS_EXHAUSTED and keeps none of the ports it had so far', async () => {
    const { ports } = portsOf(3);
    await ports.lease('root/a', 1, http);
    const three = ['x', 'y', 'z'].map((name) => ({ name, preferred: null }));
    await expect(ports.lease('root/b', 1, three)).rejects.toMatchObject({ code: 'PORTS_EXHAUSTED' });
    expect(ports.leases()).toHaveLength(1);
    expect(Object.keys(await ports.lease('root/c', 1, three.slice(1)))).toEqual(['y', 'z']);
  });
});

describe('releasing ports', () => {
  it('frees them at once after a clean end, and ignores a stale incarnation', async () => {
    const { ports, base } = portsOf(1);
    await ports.lease('root/a', 1, http);
    ports.release('root/a', 0, true);
    ports.release('root/b', 1, true);
    expect(ports.leases()).toHaveLength(1);
    ports.release('root/a', 1, true);
    ports.release('root/a', 1, true);
    expect(ports.leases()).toEqual([]);
    expect(await ports.lease('root/b', 1, http)).toEqual({ http: base });
  });

  it('a late release of an old incarnation does not touch the new one', async () => {
    const { ports } = portsOf(5);
    await ports.lease('root/a', 1, http);
    await ports.lease('root/a', 2, http);
    ports.release('root/a', 1, true);
    expect(ports.leases().map(({ incarnation }) => incarnation)).toEqual([2]);
  });

  it('keeps them from other agents after an unclean end, but gives them to the same one', async () => {
    const { ports, base } = portsOf(1, { quarantine: 3_600_000 });
    await ports.lease('root/a', 1, http);
    ports.release('root/a', 1, false);
    await expect(ports.lease('root/b', 1, http)).rejects.toMatchObject({ code: 'PORTS_EXHAUSTED' });
    expect(await ports.lease('root/a', 2, http)).toEqual({ http: base });
  });

  it('gives the port to other agents when the quarantine is over', async () => {
    const { ports, base } = portsOf(1, { quarantine: 50 });
    await ports.lease('root/a', 1, http);
    ports.release('root/a', 1, false);
    const again = () => ports.lease('root/b', 1, http).catch(() => null);
    await expect.poll(again).toEqual({ http: base });
  });

  it('cancels a lease that is still under way, and its port is free afterwards', async () => {
    const { ports, base, reports } = portsOf(1);
    const lease = ports.lease('root/a', 1, http);
    ports.release('root/a', 1, false);
    await expect(lease).rejects.toMatchObject({ code: 'SUPERSEDED' });
    expect(ports.leases()).toEqual([]);
    expect(await ports.lease('root/b', 1, http)).toEqual({ http: base });
    expect(reports).toEqual([]);
  });

  it('cancels a lease of held ports that is still under way, too', async () => {
    const { ports, base } = portsOf(10);
    const lease = ports.lease('root/a', 1, http, { http: base + 3 });
    ports.release('root/a', 1, true);
    await expect(lease).rejects.toMatchObject({ code: 'SUPERSEDED' });
    expect(ports.leases()).toEqual([]);
  });

  it('leases to a new agent at the same path while the earlier lease is still being cancelled', async () => {
    const { base: first, ports } = portsOf(10);
    const old = ports.lease('root/a', 1, http);
    const refused = expect(old).rejects.toMatchObject({ code: 'SUPERSEDED' });
    ports.release('root/a', 1, true);
    expect(await ports.lease('root/a', 1, http)).toEqual({ http: first });
    await refused;
    ports.release('root/a', 1, true);
    expect(ports.leases()).toEqual([]);
  });

  it('never mistakes its own probe for a foreign process when hundreds are cancelled during requests', async () => {
    const { ports, reports } = portsOf(40);
    const leases = Array.from({ length: 40 }, (_, i) => ports.lease(`root/a${i}`, 1, http));
    for (let i = 0; i < 40; i += 2) ports.release(`root/a${i}`, 1, true);
    const results = await Promise.allSettled(leases);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(20);
    const more = await Promise.all(Array.from({ length: 20 }, (_, i) => ports.lease(`root/b${i}`, 1, http)));
    expect(new Set(more.map((each) => each.http)).size).toBe(20);
    expect(reports).toEqual([]);
  });
});

describe('ports of foreign processes', () => {
  it('are found at any address, the holder is named, another one is given', async () => {
    const hosts = ['127.0.0.1', '0.0.0.0', '::1', '::', '127.0.0.2'];
    const { ports, base, reports } = portsOf(10);
    const pid = await stranger(base, hosts);
    expect(await ports.lease('root/a', 1, http)).toEqual({ http: base + hosts.length });
    await expect.poll(() => reports.length).toBe(hosts.length);
    for (const [at, { path, body }] of reports.entries()) {
      expect(path).toBe('root/a');
      expect(body).toMatchObject({ type: 'port-conflict', port: base + at });
      expect(body).toHaveProperty('holder', expect.stringContaining(`pid ${pid} (`));
      expect(body).toHaveProperty('holder', expect.stringContaining('node'));
    }
  });

  it('are not tried again for a while, so there is one report and not one for each lease', async () => {
    const { ports, base, reports } = portsOf(20);
    await listen(base, '127.0.0.1');
    await listen(base + 1, '0.0.0.0');
    for (let i = 0; i < 5; i++) await ports.lease(`root/a${i}`, 1, http);
    expect(ports.leases().map(({ port }) => port - base)).toEqual([2, 3, 4, 5, 6]);
    await expect.poll(() => reports.length).toBe(2);
    const held = reports.map(({ body }) => ('holder' in body ? body.holder : ''));
    expect(held.every((holder) => holder.startsWith(`pid ${process.pid} (`))).toBe(true);
  });

  it('reject PORTS_EXHAUSTED when they are the whole range', async () => {
    const { ports, base } = portsOf(2);
    await listen(base, '::');
    await listen(base + 1, '127.0.0.1');
    await expect(ports.lease('root/a', 1, http)).rejects.toMatchObject({ code: 'PORTS_EXHAUSTED' });
    expect(ports.leases()).toEqual([]);
  });

  it('are skipped also when one of them is the previous port of an agent', async () => {
    const { ports, base } = portsOf(5);
    await ports.lease('root/a', 1, http);
    ports.release('root/a', 1, false);
    await listen(base, '127.0.0.1');
    expect(await ports.lease('root/a', 2, http)).toEqual({ http: base + 1 });
  });
});

describe('the range', () => {
  it('is refused inside the ephemeral range of the kernel, unless that is allowed', () => {
    const make = (allowEphemeral: boolean) =>
      createPorts({ base: 40_000, count: 10, allowEphemeral }, systemClock, () => {});
    expect(() => make(false)).toThrow(expect.objectContaining({ code: 'PORT_RANGE' }));
    expect(make(true).leases()).toEqual([]);
  });

  it('must be made of ports', () => {
    for (const options of [
      { base: 0 },
      { base: 1.5 },
      { base: 65_000, count: 1_000 },
      { count: 0 },
      { quarantine: -1 },
    ])
      expect(() => createPorts(options, systemClock, () => {})).toThrow(
        expect.objectContaining({ code: 'SPEC_INVALID' }),
      );
  });
});
