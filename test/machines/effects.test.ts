import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, createActor } from 'xstate';
import * as machines from '../../src/machines/index.js';
import { effectNames } from './scenario.js';

const charts: readonly (readonly [string, AnyStateMachine])[] = Object.entries(machines);

describe.each(charts)('an effect of %s that was not provided', (_, chart) => {
  it.each(effectNames(chart))('is an error that names it: %s', (name) => {
    const stub = chart.implementations.actions[name] as (args: { self: { id: string } }, params: unknown) => void;
    expect(() => stub({ self: { id: 'web' } }, {})).toThrow(
      expect.objectContaining({ code: 'EFFECT_MISSING', message: expect.stringContaining(`effect ${name}`) }),
    );
  });
});

describe('an actor without one of its effects', () => {
  it('is in error instead of going on in silence', () => {
    const actor = createActor(machines.linkMachine, { input: { attempts: 1, backoff: BACKOFF } });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    actor.send({ type: 'CONNECT' });
    expect([actor.getSnapshot().status, errors]).toMatchObject(['error', [{ code: 'EFFECT_MISSING' }]]);
  });
});

const BACKOFF = { initial: 1, factor: 2, max: 9, jitter: 0, resetAfter: 1 };
