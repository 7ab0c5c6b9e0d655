import { DEFAULTS } from './defaults.js';
import type { AgentSpec, Liveness, PortRequest, StreamName } from './spec.js';

/* How the health of a running agent is judged. Times are milliseconds. */

interface ProbeTimesInput {
  /** From ready to the first run. If not given, 0. */
  initialDelay?: number;
  /** From the start of a run to the start of the next one; a run that takes longer delays the next one. If not given, 10000. */
  period?: number;
  /** How long a run may take before it has failed. If not given, 1000. */
  timeout?: number;
  /** So many failures in a row end the agent. If not given, 3. */
  failures?: number;
}

interface SilenceInput {
  /** From ready to the beginning of the first `timeout`. If not given, 0. */
  initialDelay?: number;
  /** So many times in a row `timeout` must pass in silence. If not given, 1. */
  failures?: number;
}

/** How the health of a running agent is judged. When it is lost, the agent is ended by the stages of its stop and restarted by its restart type. */
export type LivenessInput =
  /** A GET of `path` (if not given, `/`) on the port is answered with a status from 200 to 399. `port`: its name. If not given, the first one. */
  | ({ type: 'http'; port?: string; path?: string } & ProbeTimesInput)
  /** The port accepts a connection. `port`: its name. If not given, the first one. */
  | ({ type: 'tcp'; port?: string } & ProbeTimesInput)
  /** The command exits with 0. */
  | ({ type: 'exec'; command: readonly string[] } & ProbeTimesInput)
  /** The agent sends WATCHDOG=1 at least every `timeout` (if not given, 30000), which it finds in WATCHDOG_USEC (sd_notify(3)). */
  | ({ type: 'notify'; timeout?: number } & SilenceInput)
  /** The agent writes something at least every `timeout`. `stream`: if not given, both. */
  | ({ type: 'idle'; timeout: number; stream?: StreamName | 'both' } & SilenceInput);

/** Fills in every default. */
export function livenessOf(input: LivenessInput, ports: readonly PortRequest[]): Liveness {
  const { probe, silence } = DEFAULTS.liveness;
  const { initialDelay = probe.initialDelay } = input;
  if (input.type === 'notify' || input.type === 'idle') {
    const times = { initialDelay, failures: input.failures ?? silence.failures };
    if (input.type === 'notify') return { type: 'notify', ...times, timeout: input.timeout ?? silence.timeout };
    return { type: 'idle', ...times, timeout: input.timeout, stream: input.stream ?? DEFAULTS.stream };
  }
  const { period = probe.period, timeout = probe.timeout, failures = probe.failures } = input;
  const times = { initialDelay, period, timeout, failures };
  if (input.type === 'exec') return { type: 'exec', command: [...input.command], ...times };
  const port = input.port ?? ports[0]?.name ?? '';
  if (input.type === 'tcp') return { type: 'tcp', port, ...times };
  return { type: 'http', port, path: input.path ?? DEFAULTS.httpPath, ...times };
}

/** True for a spec whose agent gets a channel for the messages of sd_notify(3). */
export function usesNotify({ readiness, liveness }: Pick<AgentSpec, 'readiness' | 'liveness'>): boolean {
  return readiness.type === 'notify' || liveness?.type === 'notify';
}

/** WATCHDOG_USEC of an agent: how often it must send WATCHDOG=1, in microseconds. Empty where it need not. */
export function watchdogEnvironment(liveness: Liveness | null): Record<string, string> {
  return liveness?.type === 'notify' ? { WATCHDOG_USEC: String(liveness.timeout * 1000) } : {};
}
