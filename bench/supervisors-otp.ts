import { spawn, spawnSync } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { AgentProcesses } from './agent-processes.js';
import { numbers, type OpenSupervisor } from './supervisor.js';

/** A supervisor of Erlang/OTP whose children own a port each, otp_agents.erl. It is asked by lines on its standard input. */
export const openOtp: OpenSupervisor = async (agents, directory) => {
  compile(directory);
  const args = ['-noshell', '-pa', directory, '-eval', 'otp_agents:main().'];
  const env = { ...process.env, ERL_CRASH_DUMP_SECONDS: '0' };
  const erl = spawn('erl', args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: erl.stdout });
  await nextLine(lines, 'ready');
  const ask = (word: string, some: readonly number[]) => {
    erl.stdin.write(`${[word, ...some.map((agent) => argumentOf(agents, agent))].join(' ')}\n`);
    return nextLine(lines, 'done');
  };
  return {
    pid: () => erl.pid ?? null,
    start: () => ask('start', numbers(agents)),
    stop: (some) => ask('stop', some),
  };
};

function compile(directory: string): void {
  const source = new URL('./otp_agents.erl', import.meta.url).pathname;
  const { status, stdout } = spawnSync('erlc', ['-o', directory, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`erlc does not compile otp_agents.erl: ${stdout}`);
}

function argumentOf(agents: AgentProcesses, agent: number): string {
  return agents.command(agent)[1];
}

async function nextLine(lines: Interface, expected: string): Promise<void> {
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('erl has ended')));
  });
  if (line !== expected) throw new Error(`erl prints ${line} instead of ${expected}`);
}
