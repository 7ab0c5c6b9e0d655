import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { supervisorMachine } from '../../src/machines/index.js';
import type { SupervisorEvent, SupervisorMachineInput } from '../../src/machines/supervisor.js';
import type { End } from '../../src/model/fact.js';
import { type Actor, begin, type Scenario, type Step } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const input: SupervisorMachineInput = { id: 'web', path: 'root/web', strategy: 'one_for_one' };

const BOOTING: SupervisorEvent = { type: 'BOOTING' };
const RUNNING: SupervisorEvent = { type: 'RUNNING' };
const STOPPING: SupervisorEvent = { type: 'STOPPING' };
const FAILING: SupervisorEvent = { type: 'FAILING' };
const GONE: SupervisorEvent = { type: 'GONE' };
const BROKEN: SupervisorEvent = { type: 'xstate.error.actor.a', error: new Error('a broke') };

const SHUTDOWN: End = { reason: { kind: 'shutdown' }, child: null, left: [] };
const GAVE_UP: End = { reason: { kind: 'exhausted', detail: '6 restarts of a' }, child: 'a', left: [] };
const finished = (end: End): SupervisorEvent => ({ type: 'FINISHED', end });
const finish = ({ reason, child, left }: End) => `finish(${reason.kind}, ${child ?? ''}, ${left})`;

const step = (happening: Step<SupervisorEvent>['happening'], state: string, ...effects: string[]) => ({
  happening,
  state,
  effects,
});

const BOOT = [step(BOOTING, 'booting', 'announce')];
const UP = [...BOOT, step(RUNNING, 'running', 'announce', 'ready')];
const STOP = [...UP, step(STOPPING, 'stopping', 'announce', 'cancelRetries')];
const FAIL = [...UP, step(FAILING, 'failing', 'announce', 'cancelRetries')];
const STOPPED = [...STOP, step(finished(SHUTDOWN), 'stopped', 'announce', finish(SHUTDOWN))];
const FAILED = [...FAIL, step(finished(GAVE_UP), 'failed', 'announce', finish(GAVE_UP))];

const story = (
  title: string,
  steps: readonly Step<SupervisorEvent>[],
  context: Readonly<Record<string, unknown>> = {},
): Scenario<SupervisorEvent, SupervisorMachineInput> => ({ title, input, steps, context });

/** Ends with `end` after `before`, leaves a zombie, and is told when that is gone. */
const leaving = (before: readonly Step<SupervisorEvent>[], state: string, end: End) => {
  const left = { ...end, left: ['a'] };
  return [...before, step(finished(left), state, 'announce', finish(left)), step(GONE, state, finish(end))];
};

describe('a supervisor', () => {
  describeScenarios(supervisorMachine, [
    story('notifies its parent that it is ready when it has booted', UP, { end: null }),
    story('is stopped only when its engine has finished', STOPPED, { end: SHUTDOWN }),
    story('is failed when it gave up, and notifies its parent only then', FAILED, { end: GAVE_UP }),
    story('may be stopped while it boots', [...BOOT, step(STOPPING, 'stopping', 'announce', 'cancelRetries')]),
    story('may fail while it boots', [...BOOT, step(FAILING, 'failing', 'announce', 'cancelRetries')]),
    story('is stopped when it ends cleanly although it was failing', [
      ...FAIL,
      step(finished(SHUTDOWN), 'stopped', 'announce', finish(SHUTDOWN)),
    ]),
    story('fails when it ends with a failure although it was stopping', [
      ...STOP,
      step(finished(GAVE_UP), 'failed', 'announce', finish(GAVE_UP)),
    ]),
    story('notifies its parent once more when the zombies that it left are gone', leaving(STOP, 'stopped', SHUTDOWN)),
    story('does so after a failure too', leaving(FAIL, 'failed', GAVE_UP), { end: GAVE_UP }),
    story('boots again after it was stopped', [...STOPPED, step(BOOTING, 'booting', 'announce')]),
    story('boots again after it failed', [...FAILED, step(BOOTING, 'booting', 'announce')]),
    story('survives a child whose actor broke, in any state', [
      step(BROKEN, 'idle', 'reportError(a broke)'),
      ...BOOT,
      step(BROKEN, 'booting', 'reportError(a broke)'),
    ]),
    story('stops an actor that it no longer wants', [
      ...UP,
      step((actor) => ({ type: 'DISMISS', ref: childOf(actor) }), 'running'),
    ]),
  ]);

  it('stops the dismissed actor, and no other', () => {
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
