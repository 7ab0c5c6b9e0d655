import {
  type AgentStory,
  ASKING,
  agent,
  arrived,
  DRAINED,
  exited,
  GONE,
  KILL,
  ORPHANED,
  RUNNING,
  STAGES,
  STOP,
  step,
} from './agent-words.js';

/** Stories of stop stages that not every spec has. */
export const STAGES_ON_DEMAND: readonly AgentStory[] = [
  {
    title: 'has its input closed first where its spec says so, and is asked later',
    input: agent({ stop: { ...STAGES, closeInput: 40 } }),
    steps: [
      ...RUNNING,
      step(STOP, 'stopping.closing', 'reportState(stopping)', 'closeInput'),
      step(STOP, 'stopping.closing'),
      step(39, 'stopping.closing'),
      step(1, 'stopping.asking.asked', 'ask(false)'),
    ],
  },
  {
    title: 'ends when its input is closed',
    input: agent({ stop: { ...STAGES, closeInput: 40 } }),
    steps: [
      ...RUNNING,
      step(STOP, 'stopping.closing', 'reportState(stopping)', 'closeInput'),
      step(exited({ code: 0 }), 'stopped', 'recordExit', ...arrived('stopped')),
    ],
  },
  {
    title: 'is killed at once while it should end because its input is closed',
    input: agent({ stop: { ...STAGES, closeInput: 40 } }),
    steps: [
      ...RUNNING,
      step(STOP, 'stopping.closing', 'reportState(stopping)', 'closeInput'),
      step(KILL, 'stopping.killing', 'kill'),
    ],
  },
  {
    title: 'leaves a process tree that is killed when only its main process was asked',
    input: agent({ stop: { ...STAGES, scope: 'main' } }),
    steps: [
      ...ASKING,
      step(ORPHANED, 'stopping.sweeping', 'recordExit', 'kill'),
      step(GONE, 'stopping.draining'),
      step(DRAINED, 'stopped', ...arrived('stopped')),
    ],
  },
];
