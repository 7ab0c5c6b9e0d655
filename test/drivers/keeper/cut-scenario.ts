import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../../src/contract/clock.js';
import type { Driver } from '../../../src/drivers/driver.js';
import { createKeeperDriver, openKeepingDriver } from '../../../src/drivers/keeper/keeper.js';
import { stateSocket } from '../../../src/drivers/keeper/state-sockets.js';
import { readStat } from '../../../src/drivers/proc/proc.js';
import type { AgentTemplate } from '../../../src/model/input.js';
import { begin, eventually, orderFor, type Recorder } from '../../contract/recorder.js';
import { type Cut, CutSockets } from './cut-sockets.js';
import { exists, ProgramClient } from './program-client.js';

export const COUNTS = 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done';

const command = (script: string): AgentTemplate => ({ command: ['sh', '-c', script] });

/** More lines come, each of them once and in order. */
export async function expectEveryLine(text: () => string): Promise<void> {
  const { length } = text();
  await eventually(() => text().length > length + 30, 'more lines');
  const lines = text().split('\n').slice(0, -1);
  expect(lines).toEqual(lines.map((_, at) => `line ${at + 1}`));
}

/** The end of an agent as its keeper has told it, and nothing twice. */
function expectEnd(recorder: Recorder, end: { code: number | null; signal: string | null }): void {
  expect(recorder.get('EXITED')).toMatchObject({ ...end, detail: '' });
  expect(new Set(recorder.types()).size).toBe(recorder.facts.length);
}

/** Agents start, print, are written to, paused, stopped, and end, below one keeper, although its connection is cut once. */
export async function liveThroughCut(cut: Cut): Promise<void> {
  const sockets = new CutSockets();
  const problems: string[] = [];
  const driver = createKeeperDriver({ clock: systemClock, report: (problem) => problems.push(problem) });
  try {
    sockets.next = cut;
    const { counter, keeper } = await exercise(driver);
    if (cut.type !== 'end') await eventually(() => sockets.count === 1, `${cut.type} in the scenario`);
    await expectEveryLine(() => counter.text());
    await driver.close();
    expect(sockets.count).toBe(1);
    expectEnd(counter, { code: null, signal: 'SIGKILL' });
    expect(exists(keeper)).toBe(false);
    expect(problems).toEqual([]);
  } finally {
    sockets.restore();
    await driver.close();
  }
}

async function exercise(driver: Driver): Promise<{ counter: Recorder; keeper: number }> {
  const start = (input: AgentTemplate) => begin(driver, orderFor(input));
  const [counter, cat, brief, daemon] = [
    command(COUNTS),
    { command: ['cat'] },
    command('echo bye; exit 7'),
    command('setsid sleep 0.2 & exit 0'),
  ].map(start);
  const missing = start({ command: ['/no/such/program'] });
  const terminal = start({ command: ['cat'], stdin: 'pty' });
  const [paused, asked, killed] = Array.from({ length: 3 }, () => start({ command: ['sleep', '300'] }));
  const all = [counter, cat, brief, daemon, terminal, paused, asked, killed].map((each) => each!);
  await Promise.all(all.map(({ recorder }) => recorder.until('SPAWNED')));
  const pids = all.map(({ recorder }) => recorder.get('SPAWNED')!.pid);
  expect(new Set(pids).size).toBe(all.length);
  const keeper = readStat(counter!.recorder.get('SPAWNED')!.pid!)!.parent;
  terminal.body.resize!({ columns: 90, rows: 20 });
  await cat!.body.write(Buffer.from('input\n'));
  cat!.body.endInput();
  paused!.body.freeze();
  await paused!.recorder.until('FROZEN');
  paused!.body.thaw();
  paused!.body.signal('SIGCONT');
  asked!.body.ask('SIGTERM');
  killed!.body.kill();
  paused!.body.drain();
  await new Promise<void>((resolve) => driver.whenCaughtUp!(resolve));
  await Promise.all([cat, brief, daemon, missing, asked, killed].map((each) => each!.recorder.ended()));
  expectEnd(cat!.recorder, { code: 0, signal: null });
  expect(cat!.recorder.text()).toBe('input\n');
  expectEnd(brief!.recorder, { code: 7, signal: null });
  expect(brief!.recorder.text()).toBe('bye\n');
  expectEnd(daemon!.recorder, { code: 0, signal: null });
  expect(missing.recorder.types()).toEqual(['SPAWN_FAILED']);
  expectEnd(asked!.recorder, { code: null, signal: 'SIGTERM' });
  expectEnd(killed!.recorder, { code: null, signal: 'SIGKILL' });
  expect(pids.filter((pid) => readStat(pid!)?.parent === keeper)).toHaveLength(3);
  return { counter: counter!.recorder, keeper };
}

/** A program takes over what another one has left, and keeps entries, although its connection is cut once. */
export async function takeOverThroughCut(cut: Cut): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-cut-'));
  const keep = { directory, secret: 'secret' };
  const socket = stateSocket(directory);
  const client = await ProgramClient.open({ keep: socket, acknowledges: false });
  const sockets = new CutSockets();
  let driver: Driver | undefined;
  try {
    for (const agent of [1, 2]) client.start(agent, COUNTS);
    client.start(3, 'echo bye; exit 7');
    client.send({ type: 'remember', key: 'gone', value: Buffer.from([1]) });
    const pids = [1, 2].map(async (agent) => (await client.find('spawned', agent)).pid);
    const [pid, other] = await Promise.all(pids);
    await client.gone(3);
    await client.abandon();
    sockets.next = cut;
    const opened = await openKeepingDriver({ clock: systemClock, keep });
    driver = opened.driver;
    opened.store.set('kept', 1);
    opened.store.delete('gone');
    const adopted = (id: string) => {
      const output = driver!.kept!(`root/${id}`)!.output.map(({ bytes }) => bytes);
      const { recorder } = begin(driver!, { ...orderFor(command(COUNTS)), path: `root/${id}` });
      return { recorder, text: () => Buffer.concat(output).toString() + recorder.text() };
    };
    const [counter, brief] = ['a1', 'a3'].map(adopted);
    driver.discardKept!();
    await brief!.recorder.ended();
    expectEnd(brief!.recorder, { code: 7, signal: null });
    expect(brief!.text()).toBe('bye\n');
    await expectEveryLine(counter!.text);
    expect(counter!.recorder.get('SPAWNED')?.pid).toBe(pid);
    await eventually(() => !exists(other!), 'the end of the one that is not wanted');
    expect(sockets.count).toBe(1);
    await driver.close();
    expectEnd(counter!.recorder, { code: null, signal: 'SIGKILL' });
    expect(await client.ended).toBe(0);
    expect(existsSync(socket)).toBe(false);
  } finally {
    sockets.restore();
    await driver?.close();
    client.keeper.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
