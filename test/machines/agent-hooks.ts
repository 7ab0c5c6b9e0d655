import {
  type AgentStory,
  ASKING,
  agent,
  arrived,
  exited,
  HOOK_DONE,
  HOOK_FAILED,
  HOOK_TIMEOUT,
  KILL,
  LEASED,
  RUNNING,
  SPAWNED,
  STAGES,
  START,
  START_AFTER_UNFINISHED,
  START_KEPT,
  STOP,
  step,
} from './agent-words.js';

const before = { beforeStart: ['before'], afterEnd: null, timeout: HOOK_TIMEOUT };
const after = { beforeStart: null, afterEnd: ['after'], timeout: HOOK_TIMEOUT };
const preparing = step(START, 'spawning.preparing', 'countStart', 'reportState(spawning)', 'runHook(beforeStart)');
const adopting = step(START_KEPT, 'spawning.launching', 'countStart', 'reportState(spawning)', 'keepPorts', 'launch');
const recovering = step(
  START_AFTER_UNFINISHED,
  'spawning.recovering',
  'countStart',
  'reportState(spawning)',
  'recover',
);
const leasing = step(START, 'spawning.leasing', 'countStart', 'reportState(spawning)', 'lease');
const asked = ['recordExit', 'reportState(stopping)', 'askHook'];
const killed = ['recordExit', 'reportState(stopping)', 'killHook'];
const concluded = ['recordExit', 'reportState(stopping)', 'runHook(afterEnd)'];
const concluding = step(exited(), 'stopping.concluding', ...concluded);

/** Stories of hooks before the start and after the end. */
export const HOOKED: readonly AgentStory[] = [
  {
    title: 'runs its hook before it is started',
    input: agent({ hooks: before }),
    steps: [preparing, step(HOOK_DONE, 'spawning.launching', 'launch')],
  },
  {
    title: 'runs its hook when its ports are leased',
    input: agent({ hooks: before, leases: true }),
    steps: [leasing, step(LEASED, 'spawning.preparing', 'runHook(beforeStart)')],
  },
  {
    title: 'cancels its lease when it is stopped meanwhile, before its hook after the end runs',
    input: agent({ hooks: after, leases: true }),
    steps: [leasing, step(STOP, 'stopping.concluding', 'cancelLease', ...concluded)],
  },
  {
    title: 'cancels its lease when its runtime is over meanwhile, before its hook after the end runs',
    input: agent({ hooks: after, leases: true, maxRuntime: 20 }),
    steps: [leasing, step(20, 'stopping.concluding', 'requestStop', 'cancelLease', ...concluded)],
  },
  {
    title: 'has not started when its hook fails',
    input: agent({ hooks: before }),
    steps: [preparing, step(HOOK_FAILED, 'failed.waiting', 'recordExit', ...arrived('failed'))],
    context: { cause: 'spawn-error', detail: 'it ended with code 3' },
  },
  {
    title: 'has not started when its hook takes too long, and both hooks are ended and run',
    input: agent({ hooks: { ...before, afterEnd: ['after'] } }),
    steps: [
      preparing,
      step(HOOK_TIMEOUT - 1, 'spawning.preparing'),
      step(1, 'stopping.aborting', ...killed),
      step(HOOK_FAILED, 'stopping.concluding', 'runHook(afterEnd)'),
      step(HOOK_DONE, 'failed.waiting', ...arrived('failed')),
    ],
    context: { cause: 'spawn-error', detail: `its hook beforeStart did not end within ${HOOK_TIMEOUT} ms` },
  },
  {
    title: 'is stopped while its hook runs, which is ended',
    input: agent({ hooks: before }),
    steps: [
      preparing,
      step(STOP, 'stopping.interrupting', ...asked),
      step(STOP, 'stopping.interrupting'),
      step(HOOK_FAILED, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title: 'is killed while its hook runs, which is killed',
    input: agent({ hooks: before }),
    steps: [
      preparing,
      step(KILL, 'stopping.aborting', ...killed),
      step(STOP, 'stopping.aborting'),
      step(HOOK_FAILED, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title: 'is killed after it was stopped while its hook runs, which is killed then',
    input: agent({ hooks: before }),
    steps: [
      preparing,
      step(STOP, 'stopping.interrupting', ...asked),
      step(KILL, 'stopping.aborting', 'killHook'),
      step(HOOK_FAILED, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title:
      'runs the hook after the end of an incarnation that an earlier program had begun to start, whatever comes of it',
    input: agent({ hooks: after }),
    steps: [recovering, step(HOOK_FAILED, 'spawning.launching', 'launch')],
  },
  {
    title: 'kills that hook when it takes too long, then runs the one before its start',
    input: agent({ hooks: { ...before, afterEnd: ['after'] } }),
    steps: [
      recovering,
      step(HOOK_TIMEOUT, 'spawning.recovering', 'killHook'),
      step(HOOK_FAILED, 'spawning.preparing', 'runHook(beforeStart)'),
    ],
  },
  {
    title: 'leases its ports after that hook',
    input: agent({ hooks: after, leases: true }),
    steps: [recovering, step(HOOK_DONE, 'spawning.leasing', 'lease')],
  },
  {
    title: 'is stopped while that hook runs, which is ended, and runs its own',
    input: agent({ hooks: after }),
    steps: [
      recovering,
      step(STOP, 'stopping.interrupting', ...asked),
      step(HOOK_DONE, 'stopping.concluding', 'runHook(afterEnd)'),
    ],
  },
  {
    title: 'is killed while that hook runs, which is killed',
    input: agent({ hooks: after }),
    steps: [recovering, step(KILL, 'stopping.aborting', ...killed)],
  },
  {
    title: 'is stopped for good when its runtime is over while that hook runs',
    input: agent({ hooks: after, maxRuntime: 20 }),
    steps: [recovering, step(20, 'stopping.aborting', 'requestStop', ...killed)],
  },
  {
    title: 'does not run a hook that an unfinished incarnation does not have',
    input: agent({ hooks: before }),
    steps: [
      step(START_AFTER_UNFINISHED, 'spawning.preparing', 'countStart', 'reportState(spawning)', 'runHook(beforeStart)'),
    ],
  },
  {
    title: 'does not run its hook when an earlier program has started it',
    input: agent({ hooks: before }),
    steps: [adopting],
  },
  {
    title: 'is adopted at once, with its ports, when an earlier program has started it',
    input: agent({ leases: true }),
    steps: [adopting, step(SPAWNED, 'spawning.probing.waiting', 'report(started)', 'watchReadiness')],
    context: { ports: { http: 8107 } },
  },
  {
    title: 'is asked to end when it is stopped during its adoption',
    input: agent({ leases: true }),
    steps: [adopting, step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)')],
  },
  {
    title: 'is stopped for good when its runtime is over while its hook runs',
    input: agent({ hooks: before, maxRuntime: 20 }),
    steps: [preparing, step(20, 'stopping.aborting', 'requestStop', ...killed)],
  },
  {
    title: 'is a zombie when its hook cannot be killed, until that ends',
    input: agent({ hooks: before }),
    steps: [
      preparing,
      step(KILL, 'stopping.aborting', ...killed),
      step(STAGES.kill, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
      step(HOOK_FAILED, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title: 'runs its hook after its end, and then its supervisor is notified',
    input: agent({ hooks: after }),
    steps: [...RUNNING, concluding, step(HOOK_FAILED, 'failed.waiting', ...arrived('failed'))],
    context: { cause: 'exit' },
  },
  {
    title: 'runs its hook after a stop',
    input: agent({ hooks: after }),
    steps: [
      ...ASKING,
      step(exited({ code: 0 }), 'stopping.concluding', 'recordExit', 'runHook(afterEnd)'),
      step(HOOK_DONE, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title: 'is stopped while its hook after the end runs, which is ended',
    input: agent({ hooks: after }),
    steps: [
      ...RUNNING,
      concluding,
      step(STOP, 'stopping.interrupting', 'askHook'),
      step(HOOK_TIMEOUT, 'stopping.aborting', 'killHook'),
      step(HOOK_FAILED, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title: 'is killed while its hook after the end runs, which is killed',
    input: agent({ hooks: after }),
    steps: [
      ...RUNNING,
      concluding,
      step(KILL, 'stopping.aborting', 'killHook'),
      step(HOOK_FAILED, 'stopped', ...arrived('stopped')),
    ],
  },
  {
    title: 'does not wait for its hook after the end longer than that may take',
    input: agent({ hooks: after }),
    steps: [
      ...RUNNING,
      concluding,
      step(HOOK_TIMEOUT, 'stopping.aborting', 'killHook'),
      step(HOOK_FAILED, 'failed.waiting', ...arrived('failed')),
    ],
  },
];
