import { spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentProcesses } from './agent-processes.js';
import { numbers, type OpenSupervisor } from './supervisor.js';

/**
 * runsvdir(8), which starts a runsv(8) for each directory that it finds, and each of these its agent. Agents are stopped through the control
 * pipe of their runsv, which sv(8) uses; sv itself would look only every 0.42 s whether they have ended.
 */
export const openRunit: OpenSupervisor = async (agents, directory) => {
  const services = join(directory, 'services');
  for (const agent of numbers(agents)) writeService(services, agents, agent);
  // runsvdir waits for a second when the directory was changed in the present one.
  utimesSync(services, 1, 1);
  let pid: number | null = null;
  return {
    pid: () => pid,
    start: async () => {
      pid = spawn('runsvdir', [services], { stdio: ['ignore', 'ignore', 'inherit'] }).pid ?? null;
    },
    stop: async (some) => {
      for (const agent of some) control(join(services, name(agent), 'supervise', 'control'), 'd');
    },
  };
};

function writeService(services: string, agents: AgentProcesses, agent: number): void {
  const service = join(services, name(agent));
  mkdirSync(service, { recursive: true });
  writeFileSync(join(service, 'run'), `#!/bin/sh\nexec ${agents.command(agent).join(' ')}\n`, { mode: 0o755 });
}

function name(agent: number): string {
  return String(agent).padStart(4, '0');
}

function control(pipe: string, letter: string): void {
  const file = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    writeSync(file, letter);
  } finally {
    closeSync(file);
  }
}
