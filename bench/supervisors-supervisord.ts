import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentProcesses } from './agent-processes.js';
import type { OpenSupervisor } from './supervisor.js';

const READY_LIMIT = 20_000;

/** supervisord(1), asked over its XML-RPC interface, which supervisorctl uses. It answers at once: whether the agents run is seen in /proc. */
export const openSupervisord: OpenSupervisor = async (agents, directory) => {
  const socket = join(directory, 'supervisor.sock');
  const file = join(directory, 'supervisord.conf');
  writeFileSync(file, configOf(agents, directory, socket));
  const { pid = null } = spawn('supervisord', ['-c', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  await untilItAnswers(socket);
  return {
    pid: () => pid,
    start: () => call(socket, 'supervisor.startProcessGroup', [string('agents'), FALSE]),
    stop: (some) => call(socket, 'system.multicall', [array(some.map(stopOne))]),
  };
};

/** Output is read through pipes and thrown away, as everywhere. A process counts as started at once, and may have three files each. */
function configOf({ count, prefix }: AgentProcesses, directory: string, socket: string): string {
  return `
[unix_http_server]
file=${socket}
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=${directory}/supervisord.pid
childlogdir=${directory}
minfds=${4 * count + 100}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:agents]
command=sleep ${prefix}%(process_num)04d
process_name=%(process_num)04d
numprocs=${count}
autostart=false
autorestart=true
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
`;
}

async function untilItAnswers(socket: string): Promise<void> {
  const deadline = performance.now() + READY_LIMIT;
  for (;;) {
    const error = await call(socket, 'supervisor.getState', []).then(
      () => null,
      (thrown: Error) => thrown,
    );
    if (error === null) return;
    if (performance.now() > deadline) throw error;
    await sleep(50);
  }
}

const FALSE = '<boolean>0</boolean>';
const string = (value: string): string => `<string>${value}</string>`;
const array = (values: readonly string[]): string =>
  `<array><data>${values.map((value) => `<value>${value}</value>`).join('')}</data></array>`;

function stopOne(agent: number): string {
  const params = array([string(`agents:${String(agent).padStart(4, '0')}`), FALSE]);
  return `<struct><member><name>methodName</name><value>${string('supervisor.stopProcess')}</value></member>
<member><name>params</name><value>${params}</value></member></struct>`;
}

/** Calls a method over XML-RPC. Throws when it, or a call in it, fails. */
async function call(socketPath: string, method: string, params: readonly string[]): Promise<void> {
  const values = params.map((param) => `<param><value>${param}</value></param>`).join('');
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values}</params></methodCall>`;
  const headers = { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) };
  const answer = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: '/RPC2', method: 'POST', headers }, (response) =>
      text(response).then(resolve, reject),
    );
    asked.on('error', reject).end(body);
  });
  if (!answer.includes('<methodResponse>') || answer.includes('faultCode'))
    throw new Error(`supervisord refuses ${method}: ${answer.slice(0, 500)}`);
}
