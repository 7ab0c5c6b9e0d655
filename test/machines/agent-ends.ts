import { MAX_EXTENSION } from '../../src/model/agent.js';
import {
  type AgentStep,
  type AgentStory,
  ASKING,
  agent,
  arrived,
  DRAINED,
  DRAINING,
  exited,
  extend,
  GONE,
  INSISTING,
  KILL,
  KILLING,
  LAUNCHING,
  LIMIT_RESTART,
  ORPHANED,
  RUNNING,
  SPAWN_FAILED,
  SPAWNED,
  STAGES,
  START,
  STOP,
  SWEEPING,
  step,
  UNREAD,
  ZOMBIE,
} from './agent-words.js';

const DAY = 86_400_000;
const stopped = arrived('stopped');
const asked = step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)');

const story = (title: string, steps: readonly AgentStep[], context: AgentStory['context'] = {}): AgentStory => ({
  title,
  input: agent(),
  steps,
  context,
});

/** Stories of the stages, with their times to the millisecond. */
const STAGED = [
  story('is asked, asked again, killed, and a zombie when even that does not end it', [
    ...ASKING,
    step(STAGES.ask - 1, 'stopping.asking.asked'),
    step(1, 'stopping.insisting', 'ask(true)'),
    step(STAGES.insist - 1, 'stopping.insisting'),
    step(1, 'stopping.killing', 'kill'),
    step(STAGES.kill - 1, 'stopping.killing'),
    step(1, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
    step(DAY, 'zombie'),
  ]),
  story('is a zombie when the rest of its process tree cannot be killed', [
    ...SWEEPING,
    step(STAGES.kill - 1, 'stopping.sweeping'),
    step(1, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
  ]),
  story('is not waited for longer than the drain time when a foreign process keeps its output open', [
    ...DRAINING,
    step(STAGES.drain - 1, 'stopping.draining'),
    step(1, 'failed.waiting', 'drain', ...arrived('failed')),
  ]),
  {
    title: 'is asked for ever where its spec says infinity',
    input: agent({ stop: { ...STAGES, ask: Number.POSITIVE_INFINITY } }),
    steps: [...RUNNING, asked, step(DAY, 'stopping.asking.asked')],
  },
  {
    title: 'is asked for ever where its spec says infinity, even when it asks for more time',
    input: agent({ stop: { ...STAGES, ask: Number.POSITIVE_INFINITY } }),
    steps: [
      ...RUNNING,
      asked,
      step(extend(10), 'stopping.asking.extended'),
      step(10, 'stopping.asking.asked'),
      step(DAY, 'stopping.asking.asked'),
    ],
  },
  {
    title: 'is killed at once where its spec says brutal_kill',
    input: agent({ stop: { ...STAGES, brutal: true } }),
    steps: [...RUNNING, step(STOP, 'stopping.killing', 'reportState(stopping)', 'kill')],
  },
  story('gets the time it asks for', [
    ...ASKING,
    step(50, 'stopping.asking.asked'),
    step(extend(500), 'stopping.asking.extended'),
    step(499, 'stopping.asking.extended'),
    step(1, 'stopping.insisting', 'ask(true)'),
  ]),
  story('gets the time it asks for from when it asks, also when it asks again', [
    ...ASKING,
    step(extend(500), 'stopping.asking.extended'),
    step(400, 'stopping.asking.extended'),
    step(extend(300), 'stopping.asking.extended'),
    step(299, 'stopping.asking.extended'),
    step(1, 'stopping.insisting', 'ask(true)'),
  ]),
  story('gets no less than the first deadline when it asks for less', [
    ...ASKING,
    step(extend(10), 'stopping.asking.extended'),
    step(10, 'stopping.asking.asked'),
    step(STAGES.ask - 11, 'stopping.asking.asked'),
    step(1, 'stopping.insisting', 'ask(true)'),
  ]),
  story(
    'gets at most the bound of all extensions, and asking beyond it ends nothing early',
    [
      ...ASKING,
      step(extend(MAX_EXTENSION - 1000), 'stopping.asking.extended'),
      step(extend(5000), 'stopping.asking.extended'),
      step(MAX_EXTENSION - 1001, 'stopping.asking.extended'),
      step(1, 'stopping.insisting', 'ask(true)'),
    ],
    { extended: MAX_EXTENSION - 1000 },
  ),
  story(
    'gets the whole bound when it asks for more than that at once',
    [
      ...ASKING,
      step(extend(2 * MAX_EXTENSION), 'stopping.asking.extended'),
      step(MAX_EXTENSION - 1, 'stopping.asking.extended'),
      step(1, 'stopping.insisting', 'ask(true)'),
    ],
    { extended: MAX_EXTENSION },
  ),
  story(
    'has not used up the time of its stop with the time of its start',
    [
      ...LAUNCHING,
      step(SPAWNED, 'spawning.probing.waiting', 'report(started)', 'watchReadiness'),
      step(extend(MAX_EXTENSION), 'spawning.probing.extended'),
      step(STOP, 'stopping.asking.asked', 'unwatchReadiness', 'reportState(stopping)', 'ask(false)'),
      step(extend(500), 'stopping.asking.extended'),
    ],
    { extension: 500 },
  ),
];

/** Stories of how the end is told while it is being ended. */
const TOLD = [
  story(
    'is stopped as soon as nothing is left, without waiting for a deadline',
    [...ASKING, step(exited({ code: 0 }), 'stopped', 'recordExit', ...stopped)],
    { cause: 'command', commanded: true },
  ),
  story('has the rest of its output read before it is stopped', [
    ...ASKING,
    step(UNREAD, 'stopping.draining', 'recordExit'),
    step(DRAINED, 'stopped', ...stopped),
  ]),
  story('is not stopped while other processes of its tree live, and the stages continue', [
    ...ASKING,
    step(ORPHANED, 'stopping.asking.asked', 'recordExit'),
    step(STAGES.ask, 'stopping.insisting', 'ask(true)'),
    step(GONE, 'stopping.draining'),
    step(DRAINED, 'stopped', ...stopped),
  ]),
  story('is stopped when its tree is gone after its output was read', [
    ...INSISTING,
    step(ORPHANED, 'stopping.insisting', 'recordExit'),
    step(DRAINED, 'stopping.insisting'),
    step(GONE, 'stopped', ...stopped),
  ]),
  story('is not disturbed by a late word that its tree is gone while its output is read', [
    ...DRAINING,
    step(GONE, 'stopping.draining'),
  ]),
  story(
    'is stopped at once when its launch was cancelled, so that no exit and no output is ever told',
    [...LAUNCHING, asked, step(GONE, 'stopped', 'recordExit', ...stopped)],
    { exit: null, commanded: true },
  ),
  story(
    'is stopped when the launch that the stop overtook fails',
    [...LAUNCHING, asked, step(SPAWN_FAILED, 'stopped', 'recordExit', ...stopped)],
    { cause: 'command', detail: 'no such file', commanded: true },
  ),
  story(
    'is known by its pid when the launch that the stop overtook succeeds',
    [...LAUNCHING, asked, step(SPAWNED, 'stopping.asking.asked', 'report(started)')],
    { pid: 42, startedAt: 20 },
  ),
];

/** Stories of stops that come while it is ending already. */
const STOPPED_AGAIN = [
  story('is killed at once by a brutal stop while it is asked', [...ASKING, step(KILL, 'stopping.killing', 'kill')]),
  story('is killed again by a stop while it is being killed, without more time', [
    ...KILLING,
    step(STAGES.kill - 1, 'stopping.killing'),
    step(KILL, 'stopping.killing', 'kill'),
    step(1, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
  ]),
  story(
    'ends as stopped when a stop comes while it is heading to failed',
    [
      ...RUNNING,
      step(LIMIT_RESTART, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)'),
      step(STOP, 'stopping.asking.asked'),
      step(exited(), 'stopped', 'recordExit', ...stopped),
    ],
    { cause: 'command', commanded: true },
  ),
  story('ends as stopped when a stop comes while the rest of its process tree is killed', [
    ...SWEEPING,
    step(STOP, 'stopping.sweeping'),
    step(GONE, 'stopping.draining'),
    step(DRAINED, 'stopped', ...stopped),
  ]),
  story('ends as stopped when a stop comes while its output is read', [
    ...DRAINING,
    step(STOP, 'stopping.draining'),
    step(DRAINED, 'stopped', ...stopped),
  ]),
  story('still ends as failed without a stop while its output is read', [
    ...DRAINING,
    step(DRAINED, 'failed.waiting', ...arrived('failed')),
  ]),
];

/** Stories of zombies. */
const UNDEAD = [
  story('refuses a start as a zombie', [...ZOMBIE, step(START, 'zombie')], { incarnation: 1 }),
  story('is killed again by a stop as a zombie', [...ZOMBIE, step(STOP, 'zombie', 'kill')]),
  story('is stopped when the last process of a zombie ends', [
    ...ZOMBIE,
    step(exited({ code: null, signal: 'SIGKILL' }), 'stopped', 'recordExit', ...stopped),
  ]),
  story('has the output of a zombie read when its last process ends', [
    ...ZOMBIE,
    step(UNREAD, 'stopping.draining', 'recordExit', 'reportState(stopping)'),
  ]),
  story('stays a zombie while other processes of its tree live', [
    ...ZOMBIE,
    step(ORPHANED, 'zombie', 'recordExit'),
    step(GONE, 'stopping.draining', 'reportState(stopping)'),
  ]),
  story('is stopped when the tree of a zombie is gone after its output was read', [
    ...ZOMBIE,
    step(ORPHANED, 'zombie', 'recordExit'),
    step(DRAINED, 'zombie'),
    step(GONE, 'stopped', ...stopped),
  ]),
  story('recovers from being a zombie when the launch is cancelled after all', [
    ...LAUNCHING,
    step(KILL, 'stopping.killing', 'reportState(stopping)', 'kill'),
    step(STAGES.kill, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
    step(GONE, 'stopped', 'recordExit', ...stopped),
  ]),
  story('recovers from being a zombie when the launch fails after all', [
    ...LAUNCHING,
    step(KILL, 'stopping.killing', 'reportState(stopping)', 'kill'),
    step(STAGES.kill, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
    step(SPAWN_FAILED, 'stopped', 'recordExit', ...stopped),
  ]),
  story('is known by its pid when a zombie is launched after all', [
    ...LAUNCHING,
    step(KILL, 'stopping.killing', 'reportState(stopping)', 'kill'),
    step(STAGES.kill, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
    step(SPAWNED, 'zombie', 'report(started)'),
  ]),
];

/** Stories of agents that are being ended. */
export const ENDS: readonly AgentStory[] = [...STAGED, ...TOLD, ...STOPPED_AGAIN, ...UNDEAD];
