/**
 * Kills a server with a state directory, and its keeper, at random moments, alone or together, also during a takeover, while clients send commands. Ends with
 * exit code 1 when an agent runs twice, a lock is taken twice, an agent runs although its stop was confirmed, an agent does not run although its start was
 * confirmed, the number of restarts of an agent decreases while its keeper lives, or a process is left at the end.
 *
 *     tsx test/soak/chaos.ts [SECONDS=300] [SEED]
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentRow } from '../../src/protocol/operations/results.js';
import { KillableServer } from '../e2e/killable-server.js';
import { isRunning } from '../e2e/proc.js';
import { Wanted } from './wanted.js';

const seconds = Number(process.argv[2] ?? 300);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const random = generator(seed);

const server = new KillableServer();
const doubles = `${server.directory}/doubles`;
const wanted = new Wanted();
const faults = new Set<string>();
const counts = { kills: 0, keepers: 0, commands: 0, refused: 0, refusedStarts: 0 };
const restarts = new Map<string, number>();
const errors = new Map<string, number>();
let keeper: number | undefined;
/** The entries may be lost with the keeper until this time. */
let uncertainUntil = 0;
let isOver = false;

function fault(text: string): void {
  if (!faults.has(text)) console.log(`FAULT at ${Math.round(performance.now())} ms: ${text}`);
  faults.add(text);
}

/** Takes its lock or notes that another incarnation has it, then counts. */
function agent(id: string, ends: string): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell
  const name = '${SUPERTREE_AGENT_PATH//\\//_}';
  const take = `exec 9>lock-${name}; flock -n 9 || { echo ${name} >>doubles; exit 1; }`;
  const script = `${take}; exec 8<> <(:); n=0; while ${ends}; do n=$((n+1)); echo line $n; read -t 0.3 -u 8; done; exit 3`;
  return `id = "${id}", command = ["bash", "-c", '${script}'], cwd = "${server.directory}", stop = { ask = 1000 }`;
}

const FOREVER = ':';
const CRASHES = '[ $((RANDOM % 15)) -ne 0 ]';
const NAMES = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'g/b0', 'g/b1', 'c0', 'c1'];

function treeFile(): string {
  const budget = 'maxRestarts = 100000\nbackoff = { initial = 20, max = 200 }\n';
  const of = (id: string) => agent(id, id.startsWith('c') ? CRASHES : FOREVER);
  const plain = NAMES.filter((name) => !name.includes('/')).map((id) => `{ ${of(id)} }`);
  const group = `{ id = "g", strategy = "one_for_all", maxRestarts = 100000, backoff = { initial = 20, max = 200 }, children = [{ ${of('b0')} }, { ${of('b1')} }] }`;
  const pool = `{ id = "p", maxRestarts = 100000, backoff = { initial = 20, max = 200 }, pool = { size = 2, agent = { ${agent('x', CRASHES).slice('id = "x", '.length)} } } }`;
  return `${budget}children = [${[...plain, group, pool].join(', ')}]\n`;
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

async function commands(worker: number): Promise<void> {
  while (!isOver) {
    await sleep(random() * 300);
    const name = pick([...NAMES, 'd']);
    const path = `root/${name === 'd' ? `d${worker}` : name}`;
    const verb = name === 'd' ? pick(['add', 'add', 'remove'] as const) : pick(VERBS);
    const turn = wanted.begin(path);
    if (turn === null) continue;
    counts.commands += 1;
    const outcome = await Promise.race([
      perform(verb, path).then(
        () => true,
        (thrown: { code?: string }) => thrown.code ?? String(thrown),
      ),
      sleep(30_000, 'no answer'),
    ]);
    if (outcome === true) turn.done(verb === 'stop' ? 'down' : verb === 'remove' ? 'absent' : 'up');
    else {
      counts.refused += 1;
      errors.set(`${verb} ${outcome}`, (errors.get(`${verb} ${outcome}`) ?? 0) + 1);
      turn.failed();
    }
  }
}

const VERBS = ['stop', 'stop', 'start', 'start', 'restart', 'pause', 'resume'] as const;

async function perform(verb: (typeof VERBS)[number] | 'add' | 'remove', path: string): Promise<unknown> {
  const { client } = server;
  if (verb === 'add') {
    const id = path.slice('root/'.length);
    const command = ['bash', '-c', /'(.*)'/.exec(agent(id, FOREVER))![1]!];
    return client.spawn({ id, command, cwd: server.directory });
  }
  if (verb !== 'remove') return client[verb](path);
  const [, id] = path.split('/') as [string, string];
  await client.request('terminate_child', { path: 'root', id } as never);
  return client.request('delete_child', { path: 'root', id } as never);
}

async function kills(): Promise<void> {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    await sleep(random() * 3000);
    await kill(pick(['server', 'server', 'server', 'server twice', 'server twice', 'keeper', 'both'] as const));
    await check();
  }
}

async function kill(victim: 'server' | 'server twice' | 'keeper' | 'both'): Promise<void> {
  const parent = server.keeper();
  if (victim === 'keeper' || victim === 'both') {
    counts.keepers += 1;
    uncertainUntil = performance.now() + 5000;
    if (parent !== undefined) process.kill(parent, 'SIGKILL');
    if (victim === 'keeper') return;
  }
  await killServer();
  if (victim === 'server twice') {
    server.begin();
    await sleep(random() * 1500);
    await killServer();
  }
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await server.start();
    if (isRunning(server.pid)) return;
    counts.refusedStarts += 1;
    const problem = `a server has ended: ${server.errors.trim().slice(-300)}`;
    if (performance.now() > uncertainUntil) fault(problem);
    else console.log(problem);
  }
  throw new Error('no server starts');
}

async function killServer(): Promise<void> {
  counts.kills += 1;
  await server.kill();
  // What a keeper knows is in its memory, and that of the server is gone now.
  if (server.keeper() === undefined || performance.now() < uncertainUntil) wanted.forget();
}

async function check(): Promise<void> {
  const before = wanted.settled();
  const rows = await server.client.agents().catch(() => undefined);
  if (rows === undefined) return;
  const settled = before.filter(({ path, state, turn }) => wanted.isStill(path, state, turn));
  const byPath = new Map(rows.map((row) => [row.path, row]));
  for (const { path, state } of settled) checkState(path, state, byPath.get(path));
  checkRestarts(rows);
  if (taken() !== '') fault(`locks taken twice: ${taken()}`);
}

function checkState(path: string, state: string, row: AgentRow | undefined): void {
  if (state === 'absent' && row !== undefined) fault(`${path} was removed and is ${row.state}`);
  if (state === 'down' && !['stopped', 'failed', 'completed'].includes(row?.state ?? ''))
    fault(`${path} was stopped and is ${row?.state}`);
  if (state === 'up' && (row === undefined || row.state === 'stopped'))
    fault(`${path} was started and is ${row?.state}`);
}

function checkRestarts(rows: readonly AgentRow[]): void {
  const now = server.keeper();
  if (now === undefined || now !== keeper || performance.now() < uncertainUntil) restarts.clear();
  keeper = now;
  for (const { uuid, path, restarts: count } of rows) {
    if (count < (restarts.get(uuid) ?? 0)) fault(`${path} had ${restarts.get(uuid)} restarts and has ${count}`);
    restarts.set(uuid, count);
  }
}

function taken(): string {
  return existsSync(doubles) ? readFileSync(doubles, 'utf8').trim() : '';
}

/** Now nothing is killed any more, and no command is under way. */
async function checkEnd(): Promise<void> {
  const until = performance.now() + 60_000;
  const rows = () => server.client.agents();
  const isRestless = ({ state }: AgentRow) => state === 'spawning' || state === 'stopping';
  while ((await rows()).some(isRestless) && performance.now() < until) await sleep(200);
  await check();
  for (const { path, state } of wanted.settled()) {
    if (/\/c\d$/.test(path)) continue;
    const mains = server.mains(path).length;
    if (mains !== (state === 'up' ? 1 : 0)) fault(`${path} should be ${state} and has ${mains} main processes`);
  }
  for (const { path } of await rows()) if (server.mains(path).length > 1) fault(`${path} runs twice`);
  const code = await server.terminate();
  await sleep(500);
  const left = server.processes();
  if (code !== 0 || left.length > 0) fault(`the server ended with ${code}, and ${left.length} processes are left`);
}

/** Mulberry32. */
function generator(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

try {
  console.log(`seed ${seed}`);
  await server.start(treeFile());
  const workers = [0, 1, 2].map(commands);
  await kills();
  isOver = true;
  await Promise.all(workers);
  await checkEnd();
  console.log(`${counts.kills} kills of servers, ${counts.keepers} of keepers, ${counts.refusedStarts} refused starts`);
  console.log(
    `${counts.commands} commands, ${counts.refused} without success: ${JSON.stringify(Object.fromEntries(errors))}`,
  );
  console.log(`locks taken twice: ${taken() || 'none'}; ${faults.size} faults`);
  process.exitCode = faults.size === 0 ? 0 : 1;
} finally {
  if (faults.size > 0) console.log(`last errors of the server: ${server.errors.slice(-2000)}`);
  await server.dispose();
}
