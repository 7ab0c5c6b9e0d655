import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { systemRootMachine } from '../../src/machines/index.js';
import type { SystemRootEvent } from '../../src/machines/system-root.js';
import { type Actor, begin } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const BROKEN: SystemRootEvent = { type: 'xstate.error.actor.a', error: new Error('a broke') };

describe('a system root', () => {
  describeScenarios<SystemRootEvent, undefined>(systemRootMachine, [
    {
      title: 'survives an agent whose actor broke',
      input: undefined,
      steps: [{ happening: BROKEN, state: 'active', effects: ['reportError(a broke)'] }],
    },
    {
      title: 'lets go of an actor that it is told to dismiss',
      input: undefined,
      steps: [{ happening: (actor) => ({ type: 'DISMISS', ref: childOf(actor) }), state: 'active', effects: [] }],
    },
  ]);

  it('stops the dismissed actor, and no other', () => {
    const { actor } = begin(systemRootMachine, undefined, []);
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
