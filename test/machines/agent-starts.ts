import {
  type AgentStory,
  agent,
  arrived,
  exited,
  extend,
  KILL,
  LAUNCHING,
  LEASE_FAILED,
  LEASED,
  ORPHANED,
  PROBING,
  READY,
  READY_TIMEOUT,
  SPAWN_FAILED,
  SPAWNED,
  START,
  STOP,
  step,
  UNREAD,
} from './agent-words.js';

const LEASING = [step(START, 'spawning.leasing', 'countStart', 'reportState(spawning)', 'lease')];
const leases = agent({ leases: true });

/** Stories of starts that come about, fail, or are overtaken. */
export const STARTS: readonly AgentStory[] = [
  {
    title: 'leases its ports before it is launched',
    input: leases,
    steps: [...LEASING, step(LEASED, 'spawning.launching', 'launch')],
    context: { ports: { http: 8100 }, incarnation: 1 },
  },
  {
    title: 'fails without a launch when it gets no port',
    input: leases,
    steps: [...LEASING, step(LEASE_FAILED, 'failed.waiting', 'recordExit', ...arrived('failed'))],
    context: { cause: 'spawn-error', detail: 'no port', commanded: false, pid: null },
  },
  {
    title: 'is stopped at once while it waits for its ports',
    input: leases,
    steps: [...LEASING, step(STOP, 'stopped', 'cancelLease', 'recordExit', ...arrived('stopped'))],
    context: { cause: 'command', commanded: true },
  },
  {
    title: 'is running as soon as it runs where nothing else is wanted',
    input: agent({ readyAtOnce: true }),
    steps: [
      ...LAUNCHING,
      step(
        SPAWNED,
        'running.unknown',
        'report(started)',
        'reportState(running)',
        'report(ready)',
        'notifySupervisor(ready)',
      ),
    ],
    context: { pid: 42, startedAt: 20, readyAt: 20 },
  },
  {
    title: 'fails when it cannot be run',
    input: agent(),
    steps: [...LAUNCHING, step(SPAWN_FAILED, 'failed.waiting', 'recordExit', ...arrived('failed'))],
    context: { cause: 'spawn-error', detail: 'no such file' },
  },
  {
    title: 'is asked to end when it is stopped during its launch, not declared ended',
    input: agent(),
    steps: [...LAUNCHING, step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)')],
  },
  {
    title: 'is killed at once when it is stopped brutally during its launch',
    input: agent(),
    steps: [...LAUNCHING, step(KILL, 'stopping.killing', 'reportState(stopping)', 'kill')],
  },
  {
    title: 'is ready when it says so',
    input: agent(),
    steps: [
      ...PROBING,
      step(
        READY,
        'running.unknown',
        'unwatchReadiness',
        'reportState(running)',
        'report(ready)',
        'notifySupervisor(ready)',
      ),
    ],
    context: { startedAt: 20, readyAt: 30, health: 'unknown' },
  },
  {
    title: 'fails the start when it is silent until its readiness timeout, to the millisecond',
    input: agent(),
    steps: [
      ...PROBING,
      step(READY_TIMEOUT - 1, 'spawning.probing.waiting'),
      step(1, 'stopping.asking.asked', 'unwatchReadiness', 'reportState(stopping)', 'ask(false)'),
      step(exited({ code: null, signal: 'SIGTERM' }), 'failed.waiting', 'recordExit', ...arrived('failed')),
    ],
    context: { cause: 'readiness-timeout', commanded: false },
  },
  {
    title: 'fails the start when an extension ends after the readiness timeout',
    input: agent(),
    steps: [
      ...PROBING,
      step(extend(10), 'spawning.probing.extended'),
      step(extend(1500), 'spawning.probing.extended'),
      step(READY_TIMEOUT, 'spawning.probing.extended'),
      step(499, 'spawning.probing.extended'),
      step(1, 'stopping.asking.asked', 'unwatchReadiness', 'reportState(stopping)', 'ask(false)'),
    ],
    context: { cause: 'readiness-timeout', heading: 'failed' },
  },
  {
    title: 'keeps its whole readiness timeout when it asks for less',
    input: agent(),
    steps: [
      ...PROBING,
      step(extend(10), 'spawning.probing.extended'),
      step(10, 'spawning.probing.waiting'),
      step(READY_TIMEOUT - 11, 'spawning.probing.waiting'),
      step(1, 'stopping.asking.asked', 'unwatchReadiness', 'reportState(stopping)', 'ask(false)'),
    ],
  },
  {
    title: 'fails the start when it ends before it was ready, even with code 0',
    input: agent(),
    steps: [
      ...PROBING,
      step(exited({ code: 0 }), 'failed.waiting', 'unwatchReadiness', 'recordExit', ...arrived('failed')),
    ],
    context: { cause: 'exit', heading: 'failed', pid: null },
  },
  {
    title: 'has its output read when it ends before it was ready',
    input: agent(),
    steps: [...PROBING, step(UNREAD, 'stopping.draining', 'unwatchReadiness', 'recordExit', 'reportState(stopping)')],
  },
  {
    title: 'has what it left behind killed when it ends before it was ready',
    input: agent(),
    steps: [
      ...PROBING,
      step(ORPHANED, 'stopping.sweeping', 'unwatchReadiness', 'recordExit', 'reportState(stopping)', 'kill'),
    ],
  },
  {
    title: 'is asked to end when it is stopped before it was ready',
    input: agent(),
    steps: [...PROBING, step(STOP, 'stopping.asking.asked', 'unwatchReadiness', 'reportState(stopping)', 'ask(false)')],
  },
  {
    title: 'is killed at once when it is stopped brutally before it was ready',
    input: agent(),
    steps: [...PROBING, step(KILL, 'stopping.killing', 'unwatchReadiness', 'reportState(stopping)', 'kill')],
  },
];
