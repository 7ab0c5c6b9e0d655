import {
  type AgentStep,
  type AgentStory,
  again,
  agent,
  arrived,
  EXHAUSTED,
  exited,
  FAILED,
  FORCED,
  FREEZE,
  FREEZE_FAILED,
  FROZEN,
  freezing,
  frozen,
  HEALTHY,
  KILL,
  LIMIT_RESTART,
  ORPHANED,
  PAUSE_COOPERATIVELY,
  PAUSED_COOPERATIVELY,
  pausedCooperatively,
  RESUME,
  RETRY,
  RETRY_CANCELLED,
  RUNNING,
  STOP,
  step,
  thawedTo,
  UNHEALTHY,
  UNREAD,
  wokenTo,
} from './agent-words.js';

const WELL = [...RUNNING, step(HEALTHY, 'running.healthy', 'report(health)')];
const UNWELL = [...RUNNING, step(UNHEALTHY, 'running.unhealthy', 'report(health)')];
const story = (title: string, steps: readonly AgentStep[], context: AgentStory['context'] = {}): AgentStory => ({
  title,
  input: agent(),
  steps,
  context,
});

/** Stories of health and of ends while it runs. */
const RUNS = [
  story('changes its health as reported', [...WELL, step(UNHEALTHY, 'running.unhealthy', 'report(health)')], {
    health: 'unhealthy',
  }),
  story('completes when it ends by itself with a success code', [
    ...RUNNING,
    step(exited({ code: 0 }), 'completed', 'recordExit', ...arrived('completed')),
  ]),
  story(
    'fails when a signal ended it that nobody here sent',
    [...RUNNING, step(exited({ code: null, signal: 'SIGSEGV' }), 'failed.waiting', 'recordExit', ...arrived('failed'))],
    { cause: 'signal', commanded: false },
  ),
  story('has its output read after its end', [
    ...RUNNING,
    step(UNREAD, 'stopping.draining', 'recordExit', 'reportState(stopping)'),
  ]),
  story('has the rest of its process tree killed at once', [
    ...RUNNING,
    step(ORPHANED, 'stopping.sweeping', 'recordExit', 'reportState(stopping)', 'kill'),
  ]),
  story(
    'is asked to end when it passes a limit, and is heading to failed',
    [...RUNNING, step(LIMIT_RESTART, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)')],
    { heading: 'failed', cause: 'memory-limit', detail: '2 of 1', commanded: false },
  ),
  story('reports its health again and is where it was when nothing changed', [
    ...WELL,
    step(HEALTHY, 'running.healthy', 'report(health)'),
    step(UNHEALTHY, 'running.unhealthy', 'report(health)'),
    step(UNHEALTHY, 'running.unhealthy', 'report(health)'),
    step(HEALTHY, 'running.healthy', 'report(health)'),
  ]),
  story('is asked to end when it is stopped', [
    ...RUNNING,
    step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)'),
  ]),
  story('is killed at once when it is stopped brutally', [
    ...RUNNING,
    step(KILL, 'stopping.killing', 'reportState(stopping)', 'kill'),
  ]),
];

/** Stories of pauses. */
const PAUSES = [
  story('is paused by force only when all its processes are seen stopped', FORCED, {
    pausedAt: 40,
    pauseMode: 'forced',
  }),
  story('ignores a second pause and notes its health while it is being frozen', [
    ...RUNNING,
    freezing,
    step(PAUSE_COOPERATIVELY, 'running.freezing'),
    step(HEALTHY, 'running.freezing'),
    frozen,
    thawedTo('running.healthy'),
  ]),
  story('runs on when it cannot be frozen', [...RUNNING, freezing, step(FREEZE_FAILED, 'running.unknown')], {
    pauseMode: null,
    pausedAt: null,
  }),
  story('runs on healthy when it cannot be frozen', [...WELL, freezing, step(FREEZE_FAILED, 'running.healthy')]),
  story('runs on unhealthy when it cannot be frozen', [...UNWELL, freezing, step(FREEZE_FAILED, 'running.unhealthy')]),
  story(
    'runs on when it is resumed while it is being frozen',
    [...RUNNING, freezing, step(RESUME, 'running.unknown', 'thaw'), step(FREEZE_FAILED, 'running.unknown')],
    { pauseMode: null },
  ),
  story('runs on healthy when it is resumed while it is being frozen', [
    ...WELL,
    freezing,
    step(RESUME, 'running.healthy', 'thaw'),
  ]),
  story('runs on unhealthy when it is resumed while it is being frozen', [
    ...UNWELL,
    freezing,
    step(RESUME, 'running.unhealthy', 'thaw'),
  ]),
  story('resumes from a forced pause', [...FORCED, thawedTo('running.unknown')], { pausedAt: null, pauseMode: null }),
  story('resumes healthy from a forced pause', [...WELL, freezing, frozen, thawedTo('running.healthy')]),
  story('resumes unhealthy from a forced pause', [...UNWELL, freezing, frozen, thawedTo('running.unhealthy')]),
  story('is asked to pause and to resume when it cooperates', [...PAUSED_COOPERATIVELY, wokenTo('running.unknown')], {
    pausedAt: null,
  }),
  story('resumes with the health that was reported during a cooperative pause', [
    ...PAUSED_COOPERATIVELY,
    step(HEALTHY, 'paused.cooperative.awake'),
    wokenTo('running.healthy'),
  ]),
  story('goes on unhealthy after a cooperative pause', [...UNWELL, pausedCooperatively, wokenTo('running.unhealthy')]),
  story('goes from a cooperative pause to a forced one without running in between, and is asked to resume', [
    ...PAUSED_COOPERATIVELY,
    step(FREEZE, 'paused.cooperative.freezing', 'freeze'),
    step(FROZEN, 'paused.cooperative.frozen', 'report(paused)'),
    wokenTo('running.unknown'),
  ]),
  story(
    'stays in its cooperative pause when it cannot be frozen',
    [
      ...PAUSED_COOPERATIVELY,
      step(FREEZE, 'paused.cooperative.freezing', 'freeze'),
      step(FREEZE_FAILED, 'paused.cooperative.awake'),
    ],
    { pauseMode: 'cooperative', pausedAt: 35 },
  ),
  story('is asked to end when it is stopped while paused', [
    ...FORCED,
    step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)'),
  ]),
  story('is killed at once when it is stopped brutally while paused', [
    ...FORCED,
    step(KILL, 'stopping.killing', 'reportState(stopping)', 'kill'),
  ]),
  story('is asked to end when it passes a limit while paused', [
    ...FORCED,
    step(LIMIT_RESTART, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)'),
  ]),
  story('fails when it is killed from outside while paused', [
    ...FORCED,
    step(exited({ code: null, signal: 'SIGKILL' }), 'failed.waiting', 'recordExit', ...arrived('failed')),
  ]),
  story('has its output read when it ends while paused', [
    ...FORCED,
    step(UNREAD, 'stopping.draining', 'recordExit', 'reportState(stopping)'),
  ]),
  story('has the rest of its process tree killed when it ends while paused', [
    ...FORCED,
    step(ORPHANED, 'stopping.sweeping', 'recordExit', 'reportState(stopping)', 'kill'),
  ]),
];

/** Stories of what comes after an end. */
const AFTERWARDS = [
  story('waits for the next try and is started again', [...FAILED, step(RETRY, 'failed.retrying'), again], {
    retryIn: null,
    exit: null,
  }),
  story('has the delay before its restart', [...FAILED, step(RETRY, 'failed.retrying')], {
    retryIn: 250,
  }),
  story('is not restarted when its budget is used up, until a command starts it', [
    ...FAILED,
    step(EXHAUSTED, 'failed.exhausted'),
    again,
  ]),
  story('is stopped when the next try that it waits for is called off', [
    ...FAILED,
    step(RETRY, 'failed.retrying'),
    step(RETRY_CANCELLED, 'stopped', 'reportState(stopped)'),
  ]),
  story(
    'starts although its next try is cancelled, a moment too late',
    [...FAILED, step(RETRY, 'failed.retrying'), again, step(RETRY_CANCELLED, 'spawning.launching')],
    { retryIn: null },
  ),
  story('has no next try to be called off while its supervisor has not decided', [
    ...FAILED,
    step(RETRY_CANCELLED, 'failed.waiting'),
  ]),
  story(
    'completes for good when its next try is called off',
    [
      ...RUNNING,
      step(exited({ code: 0 }), 'completed', 'recordExit', ...arrived('completed')),
      step(RETRY, 'completed'),
      step(RETRY_CANCELLED, 'completed'),
    ],
    { retryIn: null },
  ),
  story('is stopped when it is stopped after it failed', [...FAILED, step(STOP, 'stopped', 'reportState(stopped)')]),
  story('is started again after it completed', [
    ...RUNNING,
    step(exited({ code: 0 }), 'completed', 'recordExit', ...arrived('completed')),
    step(RETRY, 'completed'),
    again,
  ]),
  story(
    'begins anew with nothing of the incarnation before',
    [...WELL, step(exited(), 'failed.waiting', 'recordExit', ...arrived('failed')), again],
    {
      health: 'unknown',
      pid: null,
      readyAt: null,
      exit: null,
      cause: null,
      commanded: false,
      drained: false,
    },
  ),
];

/** Stories of agents that run, pause, fail and are started again. */
export const LIVES: readonly AgentStory[] = [...RUNS, ...PAUSES, ...AFTERWARDS];
