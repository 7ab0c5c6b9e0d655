import {
  type AgentStory,
  again,
  agent,
  arrived,
  exited,
  FORCED,
  freezing,
  frozen,
  HEALTHY,
  KILL,
  PROBE_FAILED,
  PROBE_PASSED,
  READY,
  RUNNING,
  SPAWNED,
  STAGES,
  STOP,
  step,
  thawedTo,
  UNHEALTHY,
  WATCHDOG_TRIGGERED,
} from './agent-words.js';

const PROVEN = [...RUNNING, step(PROBE_PASSED, 'running.healthy', 'report(health)')];
const lost = step(PROBE_FAILED, 'stopping.asking.asked', 'report(health)', 'reportState(stopping)', 'ask(false)');
const tolerated = (state: string) => step(PROBE_FAILED, state);
const failed = step(exited({ code: 0 }), 'failed.waiting', 'recordExit', ...arrived('failed'));

const story = (title: string, steps: AgentStory['steps'], context: AgentStory['context'] = {}): AgentStory => ({
  title,
  input: agent(),
  steps,
  context,
});

/** Stories of a liveness probe, three failures of which in a row end the agent. */
export const LIVENESS: readonly AgentStory[] = [
  story('is healthy since the first probe that passed', [...PROVEN, step(PROBE_PASSED, 'running.healthy')], {
    health: 'healthy',
    healthSince: 36,
  }),
  story(
    'tolerates failures, and counts them anew after a probe that passed',
    [
      ...PROVEN,
      tolerated('running.healthy'),
      tolerated('running.healthy'),
      step(PROBE_PASSED, 'running.healthy'),
      tolerated('running.healthy'),
      tolerated('running.healthy'),
    ],
    { failures: 2, probeProblem: 'no answer', health: 'healthy', healthSince: 36 },
  ),
  story(
    'ends by the stages of its stop after three failures in a row, and has failed whatever its exit code is',
    [...PROVEN, tolerated('running.healthy'), tolerated('running.healthy'), lost, failed],
    { cause: 'liveness', commanded: false, detail: '3 failures in a row, the last one: no answer', healthSince: 37 },
  ),
  story(
    'ends as well when no probe has ever passed',
    [
      ...RUNNING,
      tolerated('running.unknown'),
      tolerated('running.unknown'),
      lost,
      step(STAGES.ask, 'stopping.insisting', 'ask(true)'),
    ],
    { health: 'unhealthy', cause: 'liveness' },
  ),
  {
    title: 'is killed at once after its last failure where its spec says brutal_kill',
    input: agent({ failures: 1, stop: { ...STAGES, brutal: true } }),
    steps: [...RUNNING, step(PROBE_FAILED, 'stopping.killing', 'report(health)', 'reportState(stopping)', 'kill')],
    context: { cause: 'liveness', detail: 'no answer' },
  },
  story('ends at the first failure that is final', [...PROVEN, { ...lost, happening: WATCHDOG_TRIGGERED }], {
    cause: 'liveness',
    detail: 'no answer',
  }),
  story('counts failures anew in its next incarnation', [
    ...RUNNING,
    tolerated('running.unknown'),
    tolerated('running.unknown'),
    step(exited(), 'failed.waiting', 'recordExit', ...arrived('failed')),
    again,
    step(SPAWNED, 'spawning.probing.waiting', 'report(started)', 'watchReadiness'),
    step(
      READY,
      'running.unknown',
      'unwatchReadiness',
      'reportState(running)',
      'report(ready)',
      'notifySupervisor(ready)',
    ),
    tolerated('running.unknown'),
    tolerated('running.unknown'),
  ]),
  story('keeps its failures over a pause, in which none counts', [
    ...RUNNING,
    tolerated('running.unknown'),
    tolerated('running.unknown'),
    freezing,
    frozen,
    step(PROBE_FAILED, 'paused.forced'),
    thawedTo('running.unknown'),
    lost,
  ]),
  story(
    'counts no failure and no success while it is being frozen',
    [
      ...RUNNING,
      freezing,
      step(PROBE_FAILED, 'running.freezing'),
      step(WATCHDOG_TRIGGERED, 'running.freezing'),
      step(PROBE_PASSED, 'running.freezing'),
    ],
    { failures: 0, health: 'unknown' },
  ),
  story(
    'is healthy by a probe that passed after it said that it is not',
    [
      ...RUNNING,
      step(UNHEALTHY, 'running.unhealthy', 'report(health)'),
      step(PROBE_PASSED, 'running.healthy', 'report(health)'),
      step(HEALTHY, 'running.healthy', 'report(health)'),
    ],
    { healthSince: 36 },
  ),
  story(
    'is stopped, not failed, by a stop in the middle of its end by liveness that comes from its supervisor',
    [
      ...PROVEN,
      { ...lost, happening: WATCHDOG_TRIGGERED },
      step(STOP, 'stopping.asking.asked'),
      step(exited({ code: 0 }), 'stopped', 'recordExit', ...arrived('stopped')),
    ],
    { cause: 'command', commanded: true },
  ),
  story('is killed in the middle of its end by liveness', [
    ...PROVEN,
    { ...lost, happening: WATCHDOG_TRIGGERED },
    step(KILL, 'stopping.killing', 'kill'),
    step(PROBE_FAILED, 'stopping.killing'),
  ]),
  story('ignores probes while it is paused', [...FORCED, step(PROBE_PASSED, 'paused.forced')], { health: 'unknown' }),
];
