import { windowFor } from './budget.js';
import { DEFAULTS } from './defaults.js';
import type {
  AgentInput,
  LimitInput,
  NodeInput,
  PoolInput,
  ReadinessInput,
  StopInput,
  SupervisorInput,
} from './input.js';
import { livenessOf } from './liveness.js';
import { PROCESS_DEFAULTS, processPlan, variablesOf } from './process.js';
import { signalName } from './signal.js';
import type {
  AgentSpec,
  Backoff,
  Body,
  Budget,
  NodeSpec,
  PoolSpec,
  PortRequest,
  Readiness,
  ResourceLimit,
  StopPlan,
  SupervisorSpec,
} from './spec.js';

/** Fills in every default. The input must have passed `validate`. */
export function normaliseNode(input: NodeInput): NodeSpec {
  if (input.children !== undefined) return normaliseSupervisor(input);
  if (input.pool !== undefined) return normalisePool(input);
  return normaliseAgent(input);
}

export function normaliseSupervisor(input: SupervisorInput): SupervisorSpec {
  return {
    kind: 'supervisor',
    id: input.id ?? DEFAULTS.root,
    ...supervision(input),
    strategy: input.strategy ?? DEFAULTS.strategy,
    autoShutdown: input.autoShutdown ?? DEFAULTS.autoShutdown,
    start: input.start ?? DEFAULTS.start,
    boot: input.boot ?? DEFAULTS.boot,
    children: input.children.map(normaliseNode),
  };
}

export function normalisePool(input: PoolInput): PoolSpec {
  const { size, max, concurrency, agent } = input.pool;
  return {
    kind: 'pool',
    id: input.id,
    ...supervision(input),
    size: size ?? DEFAULTS.pool.size,
    max: max ?? DEFAULTS.pool.max,
    concurrency: concurrency ?? DEFAULTS.pool.concurrency,
    template: normaliseAgent({ ...agent, id: input.id }),
  };
}

export function normaliseAgent(input: AgentInput): AgentSpec {
  const ports = (input.ports ?? []).map(portRequest);
  return {
    kind: 'agent',
    id: input.id,
    after: [...(input.after ?? [])],
    body: bodyOf(input),
    cwd: input.cwd ?? null,
    env: variablesOf(input.env),
    restart: input.restart ?? DEFAULTS.restart,
    significant: input.significant ?? DEFAULTS.significant,
    ports,
    readiness: readinessOf(input.readiness ?? DEFAULTS.readiness, ports),
    liveness: input.liveness === undefined ? null : livenessOf(input.liveness, ports),
    stop: stopPlan(input.stop ?? {}),
    pause: input.pause ?? DEFAULTS.pause,
    successCodes: [...(input.successCodes ?? DEFAULTS.successCodes)],
    limits: { memory: limit(input.limits?.memory), cpu: limit(input.limits?.cpu) },
    maxRuntime: input.maxRuntime ?? Number.POSITIVE_INFINITY,
    output: { ...DEFAULTS.output, ...input.output, ...(input.stdin === 'pty' && { order: 'merged' as const }) },
    process: input.command === undefined ? PROCESS_DEFAULTS : processPlan(input, input.env),
    hooks: input.hooks === undefined ? DEFAULTS.hooks : { ...DEFAULTS.hooks, ...input.hooks },
    metadata: { ...input.metadata },
  };
}

function supervision(input: SupervisorInput | PoolInput) {
  const exact = input.otpExact ?? DEFAULTS.otpExact;
  return {
    after: [...(input.after ?? [])],
    restart: input.restart ?? DEFAULTS.restart,
    significant: input.significant ?? DEFAULTS.significant,
    budget: budgetOf(input, exact),
    backoff: exact ? DEFAULTS.noBackoff : ({ ...DEFAULTS.backoff, ...input.backoff } satisfies Backoff),
    onExhausted: input.onExhausted ?? DEFAULTS.onExhausted,
    cooldown: input.cooldown ?? DEFAULTS.cooldown,
    otpExact: exact,
  };
}

function budgetOf(input: SupervisorInput | PoolInput, exact: boolean): Budget {
  const fallback = exact ? DEFAULTS.otpBudget : DEFAULTS.budget;
  const maxRestarts = input.maxRestarts ?? fallback.maxRestarts;
  const backoff = exact ? DEFAULTS.noBackoff : { ...DEFAULTS.backoff, ...input.backoff };
  return { maxRestarts, within: input.within ?? windowFor(maxRestarts, backoff, fallback.within) };
}

function bodyOf(input: AgentInput): Body {
  if (input.task !== undefined) return { type: 'task', task: input.task };
  if (input.logic !== undefined) return { type: 'logic', logic: input.logic, input: input.input };
  return { type: 'command', command: [...(input.command ?? [])] };
}

function portRequest(port: string | { name: string; preferred?: number }): PortRequest {
  return typeof port === 'string'
    ? { name: port, preferred: null }
    : { name: port.name, preferred: port.preferred ?? null };
}

function readinessOf(input: ReadinessInput, ports: readonly PortRequest[]): Readiness {
  const timeout = (input.type !== 'none' && input.timeout) || DEFAULTS.readyTimeout;
  switch (input.type) {
    case 'none':
      return { type: 'none', minUptime: input.minUptime ?? DEFAULTS.minUptime, timeout: Number.POSITIVE_INFINITY };
    case 'port':
      return {
        type: 'port',
        port: input.port ?? ports[0]?.name ?? '',
        interval: input.interval ?? DEFAULTS.portInterval,
        timeout,
      };
    case 'http':
      return {
        type: 'http',
        port: input.port ?? ports[0]?.name ?? '',
        path: input.path ?? DEFAULTS.httpPath,
        interval: input.interval ?? DEFAULTS.httpInterval,
        timeout,
      };
    case 'log':
      return { type: 'log', ...patternOf(input.pattern), stream: input.stream ?? DEFAULTS.stream, timeout };
    case 'exec':
      return { type: 'exec', command: [...input.command], interval: input.interval ?? DEFAULTS.execInterval, timeout };
    case 'notify':
      return { type: 'notify', timeout };
  }
}

function patternOf(pattern: string | RegExp): { pattern: string; flags: string } {
  if (typeof pattern === 'string') return { pattern, flags: '' };
  return { pattern: pattern.source, flags: pattern.flags };
}

function stopPlan(input: StopInput | 'brutal_kill' | 'infinity'): StopPlan {
  if (input === 'brutal_kill') return { ...DEFAULTS.stop, brutal: true };
  if (input === 'infinity') return { ...DEFAULTS.stop, ask: Number.POSITIVE_INFINITY };
  const ask = input.ask === 'infinity' ? Number.POSITIVE_INFINITY : input.ask;
  const signal = signalName(input.signal ?? DEFAULTS.stop.signal) ?? DEFAULTS.stop.signal;
  return { ...DEFAULTS.stop, ...input, signal, ask: ask ?? DEFAULTS.stop.ask };
}

function limit(input: LimitInput | undefined): ResourceLimit | null {
  return input === undefined ? null : { max: input.max, action: input.action ?? DEFAULTS.limitAction };
}
