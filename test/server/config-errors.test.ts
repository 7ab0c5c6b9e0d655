import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SupertreeError } from '../../src/errors.js';
import { checkEndpoints } from '../../src/server/binding.js';
import { loadConfig } from '../../src/server/config.js';
import { serve } from '../../src/server/serve.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const SILENT = { write: () => {}, terminal: false };

async function refused(text: string, options: object = {}): Promise<SupertreeError> {
  const file = join(directory, 'tree.toml');
  await writeFile(file, text, { mode: 0o600 });
  return serve({ file, out: SILENT, err: SILENT, ...options }).then(
    () => expect.unreachable('it was served'),
    (thrown: SupertreeError) => thrown,
  );
}

async function ephemeral(): Promise<number> {
  return Number((await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')).split(/\s/)[0]);
}

describe('an error of the configuration names the file and the field', () => {
  it.each([
    ['endpoint = "http://x"', 'server.endpoint', 'it must begin with ipc:// or tcp://'],
    ['endpoints = ["ipc:///tmp/a", "tcp://x"]', 'server.endpoints.1', 'it must be tcp://HOST:PORT'],
    ['pub_endpoints = ["tcp://[x]:1"]', 'server.pubEndpoints.0', 'the host in brackets must be an IPv6 address'],
  ])('of an endpoint that is none: %s', async (line, field, rule) => {
    const { code, message } = await refused(`[server]\n${line}\n`);
    expect(code).toBe('FILE_INVALID');
    expect(message).toContain(`${directory}/tree.toml`);
    expect(message).toContain(`${field} is not an endpoint: ${rule}`);
  });

  it('of an endpoint that other machines could reach', async () => {
    const error = await refused('[server]\nendpoints = ["tcp://127.0.0.1:*", "tcp://0.0.0.0:7"]\n');
    expect(error).toMatchObject({ code: 'ENDPOINT_EXPOSED', details: { field: 'server.endpoints.1' } });
    expect(error.message).toContain(`tcp://0.0.0.0:7 (server.endpoints.1 in ${directory}/tree.toml) would be open to`);
    expect((await refused('[server]\npub_endpoint = "tcp://0.0.0.0:7"\n')).message).toContain(
      '(server.pubEndpoints.0 in',
    );
  });

  it('but not of an endpoint of the command line', async () => {
    const { message } = await refused('[server]\nendpoints = ["tcp://0.0.0.0:7"]\n', { endpoint: 'tcp://0.0.0.0:7' });
    expect(message).toMatch(/^tcp:\/\/0\.0\.0\.0:7 would be open to/);
  });

  it('of a range of ports that belongs to the kernel', async () => {
    const base = (await ephemeral()) + 100;
    const endpoints = `endpoint = "ipc://${directory}/s.sock"\nports = { base = ${base}, count = 10 }`;
    const { code, message } = await refused(`[server]\n${endpoints}\n`);
    expect(code).toBe('PORT_RANGE');
    expect(message).toContain(`(server.ports in ${directory}/tree.toml) overlaps`);
  });
});

describe('a key that is none', () => {
  it('is shown with its value, but not among the keys of a server', async () => {
    expect((await refused('[server]\ncolour = "red"\n')).message).toContain(
      'server.colour is not a setting, got "red"',
    );
    const { message } = await refused('[security]\nsecret_key_file = "x"\nsecret_key = "hunter2"\n');
    expect(message).toContain('security.secretKey is not a setting, got (hidden)');
  });

  it.each([
    ['max_restarts = 3', 'maxRestarts'],
    ['[[children]]\nid = "a"\ncommand = ["true"]\nmax_runtime = 3', 'maxRuntime'],
  ])('is told how it is written in a tree: %s', async (text, key) => {
    await writeFile(join(directory, 'tree.toml'), text);
    await expect(loadConfig(join(directory, 'tree.toml'))).rejects.toMatchObject({
      message: expect.stringContaining(`must be written ${key}`),
    });
  });
});

describe('an endpoint that is named twice', () => {
  it('is said to be, and not to belong to another server', () => {
    const twice = ['ipc:///tmp/a', 'ipc:///tmp/../tmp/a'];
    const error = {
      code: 'ENDPOINT_IN_USE',
      message: 'ipc:///tmp/a is in use by this server, which is given it twice.',
    };
    expect(() => checkEndpoints(twice)).toThrow(expect.objectContaining(error));
    expect(() => checkEndpoints(['tcp://127.0.0.1:*', 'tcp://127.0.0.1:*'])).not.toThrow();
  });

  it('is found where one is for requests and one for what is published', async () => {
    const endpoint = `ipc://${directory}/s.sock`;
    const { message } = await refused('', { endpoint, pubEndpoint: endpoint });
    expect(message).toBe(`${endpoint} is in use by this server, which is given it twice.`);
  });
});
