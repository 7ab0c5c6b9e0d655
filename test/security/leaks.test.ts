import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import { describeExit } from '../../src/model/reason.js';
import { type Report, toText } from '../../src/model/report.js';
import { pack } from '../../src/protocol/codec.js';
import { createSecureRig, type SecureRig, type Wire, wire } from './rig.js';

/** Planted wherever a secret goes in. Nothing that comes out may have it. */
const MARK = 'hunter2-Zq9vR';
const ENCODED = Buffer.from(MARK).toString('base64').slice(0, 16);

const FOREVER = fileURLToPath(new URL('../fixtures/forever.mjs', import.meta.url));

let rig: SecureRig;
let boss: Wire;
let follower: Subscriber;
const published: Buffer[] = [];
const reports: Report[] = [];

beforeAll(async () => {
  rig = await createSecureRig({ pubEndpoints: ['tcp://127.0.0.1:*'] });
  rig.server.tree.subscribe((report) => reports.push(report));
  boss = wire(rig, 'boss');
  const { publicKey, secretKey } = rig.keys.boss;
  const curve = { curveServerKey: rig.serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
  follower = new Subscriber({ linger: 0, ...curve });
  follower.subscribe('');
  follower.connect(rig.server.pubEndpoints[0] ?? '');
  void collect();
});

afterAll(async () => {
  boss?.close();
  follower?.close();
  await rig?.close();
});

async function collect(): Promise<void> {
  for await (const frames of follower) published.push(...frames);
}

const spawn = (name: string, config: object) =>
  boss.ask({
    type: 'spawn_request',
    request_id: `s-${name}`,
    config: { name, model_backend: 'node-cli', task: FOREVER, ...config },
  });

/** A program whose name is a secret, and that cannot be run for each reason. */
async function plantPrograms(): Promise<void> {
  const names = [MARK, `/${MARK}`, `/etc/passwd/${MARK}`, `/tmp/${MARK}${'x'.repeat(5_000)}`, `${MARK}\0`];
  for (const [n, name] of names.entries()) {
    const spec = { id: `program-${n}`, command: ['{env:PROGRAM}'], env: { PROGRAM: name } };
    const { error } = await boss.operate('spawn', { spec, wait: true });
    if (n === 0) expect(error).toContain('command {env:PROGRAM} not found');
  }
}

const uuidOf = (id: string) => rig.server.tree.agent(id).uuid;

/** Requests of every kind with a secret in them, good and bad. */
async function plantEverywhere(): Promise<void> {
  const environment = { TOKEN: MARK, AGENT_EXTRA_ARGS: `${MARK} --key=${MARK}` };
  await spawn('runs', { environment });
  await spawn('missing', { environment, model_backend: 'no-such-program-cli' });
  await spawn('waits', { model_backend: 'cat-cli', task: '-', environment: { TOKEN: MARK }, context: MARK });
  for (const wrong of [MARK, [MARK], { A: [MARK] }, { A: { B: MARK } }, { A: null }]) {
    await spawn('wrong', { environment: wrong });
  }
  const env = { TOKEN: MARK };
  await boss.operate('spawn', { spec: { id: 'mine', command: ['sh', '-c', 'sleep 1000', '{env:TOKEN}'], env } });
  await boss.operate('spawn', { spec: { id: 'bad', command: ['no-such-program', '{env:TOKEN}'], env }, wait: true });
  await plantPrograms();
  await boss.operate('spawn', { spec: { id: 'bad id', command: [], env, restart: 7 } });
  await boss.operate('spawn', { spec: { id: 'x', command: ['true'], env: { TOKEN: [MARK] } } });
  await boss.operate('spawn', { spec: { id: 'x', command: ['true'], env: MARK } });
  await boss.operate('add_child', { spec: { id: 'sup', children: [{ id: 'y', command: 5, env }] } });
  await plantInput();
}

async function plantInput(): Promise<void> {
  const agent_id = uuidOf('runs');
  const control = (command_type: string, payload: unknown) =>
    boss.ask({ type: 'control_command', request_id: 'c', agent_id, command_type, payload });
  await control('write_stdin', { data: MARK });
  await control('write_stdin', { data: MARK, encoding: 'utf8' });
  await control('write_stdin', { data: Buffer.from(MARK).toString('base64') });
  await control('write_stdin', { data: { text: MARK } });
  await control('write_stdin', { data: [MARK] });
  await boss.operate('send', { agent: 'runs', data: MARK });
  await boss.operate('send', { agent: 'runs', data: [MARK] });
  await boss.operate('send', { agent: 'runs', data: { text: MARK } });
  await boss.operate('send', { agent: 'nobody', data: MARK });
  await control('get_status', null);
  await control('custom_action', { action: 'get_env' });
  const whole = pack({ type: 'spawn_request', request_id: 'cut', config: { environment: { A: MARK } } });
  await boss.post(whole.subarray(0, whole.length - 3));
  await boss.post(Buffer.concat([whole, Buffer.from(MARK)]));
  await boss.post(Buffer.from(MARK));
  await boss.post(pack([0, 'array', ['n', 'b', 't', null, null, MARK], null, null]));
}

async function lookEverywhere(): Promise<void> {
  for (const operation of ['ps', 'tree', 'snapshot', 'health', 'which_children']) await boss.operate(operation);
  for (const agent of ['runs', 'mine', 'waits']) {
    await boss.operate('status', { agent, usage: true });
    await boss.operate('restart', { agent });
    await boss.operate('kill', { agent });
  }
  await boss.ask({ type: 'list_agents_request', request_id: 'l' });
  await boss.operate('kill', { agent: 'nobody' });
}

function occurrences(bytes: Buffer): number[] {
  return [MARK, ENCODED].map((text) => bytes.indexOf(text)).filter((at) => at >= 0);
}

describe('a secret in an environment, an extra argument, standard input or a wrong request', () => {
  it('is in no reply, frame, report, error and audit line', async () => {
    await plantEverywhere();
    await lookEverywhere();
    await expect.poll(() => published.length).toBeGreaterThan(20);
    expect(boss.received.length).toBeGreaterThan(40);
    expect(boss.received.filter((bytes) => occurrences(bytes).length > 0).map(String)).toEqual([]);
    expect(published.filter((bytes) => occurrences(bytes).length > 0).map(String)).toEqual([]);
    const exits = rig.server.tree.agents().map(({ exit }) => exit && describeExit(exit));
    const inProcess = [reports, reports.map(toText), rig.failures, rig.audit, rig.server.tree.agents(), exits];
    const text = inspect(inProcess, { depth: null, maxArrayLength: null, maxStringLength: null });
    expect(occurrences(Buffer.from(text))).toEqual([]);
    expect(rig.audit.length).toBeGreaterThan(20);
  });

  it('reaches the agent', async () => {
    const command = ['sh', '-c', 'echo "$0 $TOKEN"', '{env:TOKEN}'];
    const answer = await boss.operate('spawn', {
      spec: { id: 'proof', command, env: { TOKEN: MARK }, restart: 'temporary' },
      parent: 'root/a',
    });
    expect(answer).toMatchObject({ success: true });
    await expect.poll(() => published.some((bytes) => bytes.includes(`${MARK} ${MARK}`))).toBe(true);
  });
});
