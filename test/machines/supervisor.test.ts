import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { supervisorMachine } from '../../src/machines/index.js';
import type { SupervisorEvent, SupervisorMachineInput } from '../../src/machines/supervisor.js';
import { type Actor, begin, type Scenario, type Step } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const input: SupervisorMachineInput = { id: 'web', path: 'root/web', strategy: 'one_for_one' };

const BOOT: SupervisorEvent = { type: 'BOOT' };
const BOOTED: SupervisorEvent = { type: 'BOOTED' };
const HALT: SupervisorEvent = { type: 'HALT', brutal: false };
const KILL: SupervisorEvent = { type: 'HALT', brutal: true };
const STOPPING: SupervisorEvent = { type: 'HALTING', failing: false };
const FAILING: SupervisorEvent = { type: 'HALTING', failing: true };
const FACT: SupervisorEvent = { type: 'FACT', fact: { type: 'ready', id: 'a', generation: 1, at: 5 } };
const DOWN: SupervisorEvent = { type: 'FINISHED', reason: { kind: 'shutdown' } };
const GAVE_UP: SupervisorEvent = { type: 'FINISHED', reason: { kind: 'exhausted', detail: '6 restarts of a' } };
const BROKEN: SupervisorEvent = { type: 'xstate.error.actor.a', error: new Error('a broke') };

const step = (happening: Step<SupervisorEvent>['happening'], state: string, ...effects: string[]) => ({
  happening,
  state,
  effects,
});

const BOOTING = [step(BOOT, 'booting', 'boot')];
const RUNNING = [...BOOTING, step(BOOTED, 'running', 'ready')];
const STOPPED = [
  ...RUNNING,
  step(HALT, 'running', 'halt(false)'),
  step(STOPPING, 'stopping'),
  step(DOWN, 'stopped', 'announce(stopped)', 'finish'),
];
const FAILED = [...RUNNING, step(FAILING, 'failing'), step(GAVE_UP, 'failed', 'announce(failed)', 'finish')];
const decided = 'decide(FACT, ready)';

const story = (
  title: string,
  steps: readonly Step<SupervisorEvent>[],
  context: Readonly<Record<string, unknown>> = {},
): Scenario<SupervisorEvent, SupervisorMachineInput> => ({ title, input, steps, context });

describe('a supervisor', () => {
  describeScenarios(supervisorMachine, [
    story('hands every fact to its engine from its boot on', [
      step(FACT, 'idle'),
      ...BOOTING,
      step(FACT, 'booting', decided),
      step(BOOTED, 'running', 'ready'),
      step(FACT, 'running', decided),
      step(STOPPING, 'stopping'),
      step(FACT, 'stopping', decided),
      step(DOWN, 'stopped', 'announce(stopped)', 'finish'),
      step(FACT, 'stopped', decided),
    ]),
    story('hands facts to its engine while it fails and after it has', [
      ...RUNNING,
      step(FAILING, 'failing'),
      step(FACT, 'failing', decided),
      step(GAVE_UP, 'failed', 'announce(failed)', 'finish'),
      step(FACT, 'failed', decided),
    ]),
    story('tells its parent that it is ready only when it has booted', RUNNING),
    story('is stopped only when its engine says that all are down', STOPPED, { clean: true, reason: 'shutdown' }),
    story('is failed when it gave up, and tells its parent only then', FAILED, {
      clean: false,
      reason: '6 restarts of a',
    }),
    story('may be told to stop while it boots', [
      ...BOOTING,
      step(HALT, 'booting', 'halt(false)'),
      step(STOPPING, 'stopping'),
    ]),
    story('fails when a child does not start while it boots', [
      ...BOOTING,
      step(FAILING, 'failing'),
      step(
        { type: 'FINISHED', reason: { kind: 'start-failed', detail: 'a: exit code 1' } },
        'failed',
        'announce(failed)',
        'finish',
      ),
    ]),
    story('shuts itself down without being told', [...RUNNING, step(STOPPING, 'stopping')]),
    story('hears a brutal stop while it stops already', [
      ...RUNNING,
      step(STOPPING, 'stopping'),
      step(KILL, 'stopping', 'halt(true)'),
    ]),
    story('hears a stop while it fails already', [
      ...RUNNING,
      step(FAILING, 'failing'),
      step(KILL, 'failing', 'halt(true)'),
    ]),
    story('is stopped when what was failing ends cleanly after all', [
      ...RUNNING,
      step(FAILING, 'failing'),
      step(DOWN, 'stopped', 'announce(stopped)', 'finish'),
    ]),
    story('fails when what was stopping ends with a failure', [
      ...RUNNING,
      step(STOPPING, 'stopping'),
      step(GAVE_UP, 'failed', 'announce(failed)', 'finish'),
    ]),
    story('boots anew after it was stopped', [...STOPPED, step(BOOT, 'booting', 'boot')]),
    story('boots anew after it failed', [...FAILED, step(BOOT, 'booting', 'boot')]),
    story('is not booted twice', [...RUNNING, step(BOOT, 'running')]),
    story('has nothing to stop before its first boot', [step(HALT, 'idle')]),
    story('survives a child whose actor broke, in any state', [
      step(BROKEN, 'idle', 'complain(a broke)'),
      ...BOOTING,
      step(BROKEN, 'booting', 'complain(a broke)'),
    ]),
    story('lets go of an actor that it no longer wants', [
      ...RUNNING,
      step((actor) => ({ type: 'DISMISS', ref: childOf(actor) }), 'running'),
    ]),
  ]);

  it('stops the actor that it is told to dismiss, and no other', () => {
    const { actor } = begin(supervisorMachine, input, []);
    const [kept, dismissed] = [childOf(actor), childOf(actor)];
    actor.send({ type: 'DISMISS', ref: dismissed });
    expect([kept, dismissed].map((ref) => ref.getSnapshot().status)).toEqual(['active', 'stopped']);
    actor.stop();
  });
});

const idler = setup({}).createMachine({});

function childOf(parent: Actor) {
  const child = createActor(idler, { parent });
  child.start();
  return child;
}
