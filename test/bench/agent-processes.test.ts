import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AgentProcesses, agentIn, pidsAfter } from '../../bench/agent-processes.js';

describe('the command line of an agent', () => {
  const prefix = '600.4711';
  it.each([
    [['sleep', '600.47110012'], 12],
    [['/usr/bin/sleep', '600.47110499'], 499],
    [['sleep', '600.47120012'], null],
    [['sleep', '600.4711001'], null],
    [['sleep', '600.47110012', '600'], null],
    [['sh', '-c', 'sleep 600.47110012'], null],
    [[], null],
  ])('%j is of agent %s', (words, agent) => {
    expect(agentIn(words.map((word) => `${word}\0`).join(''), prefix)).toBe(agent);
  });
});

describe('the pids between two looks', () => {
  it.each([
    [10, 13, [11, 12, 13]],
    [10, 10, []],
    [97, 2, [98, 99, 1, 2]],
  ])('from %i to %i below 100 are %j', (last, now, pids) => {
    expect(pidsAfter(last, now, 100)).toEqual(pids);
  });
});

describe('the processes of agents', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function start(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, args, { stdio: 'ignore' });
    children.push(child);
    return child;
  }

  it('are seen running, replaced and gone', async () => {
    const agents = new AgentProcesses(2, `${process.pid}1`);
    const old = start(...agents.command(0));
    start('sh', '-c', `exec ${agents.command(1).join(' ')}`);
    await agents.allRun();
    expect(agents.pidOf(0)).toBe(old.pid);
    old.kill('SIGKILL');
    const next = start(...agents.command(0));
    await agents.areReplaced([0], [old.pid ?? 0]);
    expect(agents.pidOf(0)).toBe(next.pid);
    agents.expectRunning();
    next.kill('SIGKILL');
    await agents.areGone([0]);
    expect(() => agents.pidOf(0)).toThrow('agent 0 does not run');
  });

  it('are not gone while they are defunct', async () => {
    const agents = new AgentProcesses(2, `${process.pid}2`);
    const [child, parent] = [agents.command(0), agents.command(1)].map((words) => words.join(' '));
    // The parent is a sleep, which does not wait for its child.
    start('sh', '-c', `${child} & exec ${parent}`);
    await agents.allRun();
    process.kill(agents.pidOf(0), 'SIGKILL');
    let gone = false;
    const all = agents.areGone([0]).then(() => {
      gone = true;
    });
    await sleep(100);
    expect(gone).toBe(false);
    process.kill(agents.pidOf(1), 'SIGKILL');
    await all;
  });

  it('are said to have ended when they have', async () => {
    const agents = new AgentProcesses(1, `${process.pid}3`);
    const child = start(...agents.command(0));
    await agents.allRun();
    child.kill('SIGKILL');
    await expect.poll(() => child.signalCode).toBe('SIGKILL');
    expect(() => agents.expectRunning()).toThrow(`agent 0 (${child.pid}) has ended`);
  });
});
