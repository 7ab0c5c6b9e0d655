import type { World } from '../world.js';
import type { Agent } from './agent.js';
import { deliver } from './deliver.js';

/** A longer status text is cut, in characters. */
const STATUS_LENGTH = 256;

/** One message of sd_notify(3) from an agent. What is not supported, such as STOPPING=1 and RELOADING=1, is ignored. */
export function onMessage(world: World, agent: Agent, incarnation: number, message: string): void {
  agent.word?.(message);
  const [name = '', value = ''] = splitAt(message, message.indexOf('='));
  switch (name) {
    case 'EXTEND_TIMEOUT_USEC':
      if (Number(value) > 0) deliver(world, agent, { type: 'EXTEND', incarnation, ms: Number(value) / 1000 });
      return;
    case 'HEALTH':
      if (value !== 'healthy' && value !== 'unhealthy') return;
      return deliver(world, agent, { type: 'HEALTH', incarnation, health: value, at: world.clock.wall() });
    case 'WATCHDOG':
      return onWatchdog(world, agent, incarnation, value);
    case 'STATUS':
      return setStatus(agent, value.slice(0, STATUS_LENGTH));
    case 'MAINPID':
      return refuseMainPid(world, agent);
  }
}

/** Before an incarnation: what the one before has said does not apply to it. */
export function forgetMessages(agent: Agent): void {
  setStatus(agent, '');
  agent.isMainPidRefused = false;
}

function splitAt(text: string, at: number): string[] {
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** `WATCHDOG=trigger` asks to be ended at once. */
function onWatchdog(world: World, agent: Agent, incarnation: number, value: string): void {
  if (value === '1') return agent.liveness?.fed();
  if (value !== 'trigger' || agent.spec.liveness?.type !== 'notify') return;
  const detail = 'it has sent WATCHDOG=trigger';
  deliver(world, agent, { type: 'PROBE_FAILED', incarnation, detail, final: true, at: world.clock.wall() });
}

function setStatus(agent: Agent, text: string): void {
  if (agent.statusText === text) return;
  agent.statusText = text;
  agent.view = null;
}

/** Its main process is the one that was started: another one could not be waited for. Reported once for each incarnation. */
function refuseMainPid(world: World, agent: Agent): void {
  if (agent.isMainPidRefused) return;
  agent.isMainPidRefused = true;
  const problem = 'it has sent MAINPID, which is refused: its main process is the one that was started';
  world.reports.emit(agent.path, { type: 'error', problem });
}
