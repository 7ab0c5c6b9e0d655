import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { hostMachine } from '../../src/machines/index.js';
import type { HostEvent } from '../../src/machines/system-root.js';
import { type Actor, begin } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const BROKEN: HostEvent = { type: 'xstate.error.actor.a', error: new Error('a broke') };

describe('a host', () => {
  describeScenarios<HostEvent, undefined>(hostMachine, [
    {
      title: 'survives an agent whose actor broke',
      input: undefined,
      steps: [{ happening: BROKEN, state: 'hosting', effects: ['complain(a broke)'] }],
    },
    {
      title: 'lets go of an actor that it is told to dismiss',
      input: undefined,
      steps: [{ happening: (actor) => ({ type: 'DISMISS', ref: childOf(actor) }), state: 'hosting', effects: [] }],
    },
  ]);

  it('stops the actor that it is told to dismiss, and no other', () => {
    const { actor } = begin(hostMachine, undefined, []);
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
