import {
  type AgentStory,
  again,
  agent,
  arrived,
  exited,
  FORCED,
  FREEZE_FAILED,
  freezing,
  frozen,
  LAUNCHING,
  LEASED,
  LIMIT_RESTART,
  LIMIT_STOP,
  pausedCooperatively,
  RUNNING,
  STAGES,
  START,
  STOP,
  step,
  thawedTo,
  wokenTo,
} from './agent-words.js';

const RUNTIME = 1000;
const limited = agent({ maxRuntime: RUNTIME });
const brutal = { ...STAGES, brutal: true };
const DAY = 86_400_000;
const timedOut = (...effects: string[]): string[] => ['requestStop', ...effects];

const story = (title: string, steps: AgentStory['steps'], context: AgentStory['context'] = {}): AgentStory => ({
  title,
  input: agent(),
  steps,
  context,
});

/** Stories of limits that end it for good. Its supervisor is asked to stop it, so that it does not start it again. */
export const LIMITED: readonly AgentStory[] = [
  {
    title:
      'is stopped for good when its runtime is over, to the millisecond, and the stop that follows does not overrule the cause',
    input: limited,
    steps: [
      ...RUNNING,
      step(RUNTIME - 1, 'running.unknown'),
      step(1, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
      step(STOP, 'stopping.asking.asked'),
      step(exited({ code: 0 }), 'stopped', 'recordExit', ...arrived('stopped')),
    ],
    context: { cause: 'timeout', commanded: true, detail: `it exceeded its maxRuntime of ${RUNTIME} ms` },
  },
  {
    title: 'is killed at once when its runtime is over where its spec says brutal_kill',
    input: agent({ maxRuntime: RUNTIME, stop: brutal }),
    steps: [...RUNNING, step(RUNTIME, 'stopping.killing', ...timedOut('reportState(stopping)', 'kill'))],
  },
  {
    title: 'is stopped when its runtime is over while its launch is under way',
    input: limited,
    steps: [...LAUNCHING, step(RUNTIME, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)'))],
  },
  {
    title: 'is killed when its runtime is over while its launch is under way, where its spec says brutal_kill',
    input: agent({ maxRuntime: RUNTIME, stop: brutal }),
    steps: [...LAUNCHING, step(RUNTIME, 'stopping.killing', ...timedOut('reportState(stopping)', 'kill'))],
  },
  {
    title: 'never runs when its runtime is over while it waits for its ports',
    input: agent({ maxRuntime: RUNTIME, leases: true }),
    steps: [
      step(START, 'spawning.leasing', 'countStart', 'reportState(spawning)', 'lease'),
      step(RUNTIME, 'stopped', ...timedOut('cancelLease', 'recordExit', ...arrived('stopped'))),
      step(LEASED, 'stopped'),
    ],
    context: { cause: 'timeout', commanded: true, exit: null },
  },
  {
    title: 'has the runtime after a pause that it had before',
    input: limited,
    steps: [
      ...RUNNING,
      step(400, 'running.unknown'),
      pausedCooperatively,
      step(DAY, 'paused.cooperative.awake'),
      wokenTo('running.unknown'),
      step(599, 'running.unknown'),
      step(1, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
    ],
  },
  {
    title: 'is not charged for the time in which it was being frozen, when it was frozen in the end',
    input: limited,
    steps: [
      ...RUNNING,
      step(400, 'running.unknown'),
      freezing,
      step(100, 'running.freezing'),
      frozen,
      thawedTo('running.unknown'),
      step(599, 'running.unknown'),
      step(1, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
    ],
  },
  {
    title: 'keeps its deadline when it cannot be frozen',
    input: limited,
    steps: [
      ...RUNNING,
      step(400, 'running.unknown'),
      freezing,
      step(100, 'running.freezing'),
      step(FREEZE_FAILED, 'running.unknown'),
      step(499, 'running.unknown'),
      step(1, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
    ],
  },
  {
    title: 'is stopped when its runtime is over while it is being frozen',
    input: limited,
    steps: [
      ...RUNNING,
      step(400, 'running.unknown'),
      freezing,
      step(600, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
      step(FREEZE_FAILED, 'stopping.asking.asked'),
    ],
    context: { cause: 'timeout' },
  },
  {
    title: 'has no runtime left to be over once it ends for another reason',
    input: limited,
    steps: [
      ...RUNNING,
      step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)'),
      step(exited({ code: 0 }), 'stopped', 'recordExit', ...arrived('stopped')),
      step(DAY, 'stopped'),
    ],
    context: { cause: 'command' },
  },
  {
    title: 'has the whole runtime again in its next incarnation',
    input: limited,
    steps: [
      ...RUNNING,
      step(900, 'running.unknown'),
      step(exited(), 'failed.waiting', 'recordExit', ...arrived('failed')),
      again,
      step(999, 'spawning.launching'),
      step(1, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
    ],
  },
  story(
    'is stopped for good when it passes a limit that says so',
    [...RUNNING, step(LIMIT_STOP, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)'))],
    { cause: 'memory-limit', commanded: true, heading: 'stopped' },
  ),
  {
    title: 'is killed when it passes a limit that says so, where its spec says brutal_kill',
    input: agent({ stop: brutal }),
    steps: [...RUNNING, step(LIMIT_STOP, 'stopping.killing', ...timedOut('reportState(stopping)', 'kill'))],
  },
  {
    title: 'is killed for good when it passes a limit while paused, where its spec says brutal_kill',
    input: agent({ stop: brutal }),
    steps: [...FORCED, step(LIMIT_STOP, 'stopping.killing', ...timedOut('reportState(stopping)', 'kill'))],
  },
  story('is stopped for good when it passes a limit while paused', [
    ...FORCED,
    step(LIMIT_STOP, 'stopping.asking.asked', ...timedOut('reportState(stopping)', 'ask(false)')),
  ]),
  story(
    'passes no second limit while it is being stopped for the first one',
    [
      ...RUNNING,
      step(LIMIT_RESTART, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)'),
      step(LIMIT_STOP, 'stopping.asking.asked'),
    ],
    { heading: 'failed', commanded: false },
  ),
];
