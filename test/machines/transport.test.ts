import { describe } from 'vitest';
import { transportMachine } from '../../src/machines/index.js';
import type { TransportEvent, TransportInput } from '../../src/machines/transport.js';
import type { Scenario, Step } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const input: TransportInput = { endpoints: ['ipc:///a', 'tcp://127.0.0.1:0'], pubEndpoints: ['ipc:///b'] };

const bound = (endpoint: string): TransportEvent => ({ type: 'BOUND', endpoint });
const FAILED: TransportEvent = { type: 'FAILED', code: 'ENDPOINT_IN_USE' };
const [SERVE, DRAIN, CLOSE, RELEASED] = (['SERVE', 'DRAIN', 'CLOSE', 'RELEASED'] as const).map((type) => ({ type }));

const step = (happening: TransportEvent | undefined, state: string, ...effects: string[]): Step<TransportEvent> => ({
  happening: happening as TransportEvent,
  state,
  effects,
});

const BOUND = [
  step(bound('ipc:///a'), 'binding.next', 'bind'),
  step(bound('tcp://127.0.0.1:4711'), 'binding.next', 'bind'),
  step(bound('ipc:///b'), 'binding.bound', 'ready'),
];
const CLOSED = step(RELEASED, 'closed.released', 'finish');

const story = (
  title: string,
  steps: readonly Step<TransportEvent>[],
  context: Readonly<Record<string, unknown>> = {},
): Scenario<TransportEvent, TransportInput> => ({ title, input, steps, context });

describe('a transport', () => {
  describeScenarios<TransportEvent, TransportInput>(transportMachine, [
    story(
      'binds its endpoints, serves, answers while the tree is stopped, and closes',
      [
        ...BOUND,
        step(SERVE, 'serving', 'admit'),
        step(DRAIN, 'draining'),
        step(CLOSE, 'closed.releasing', 'release'),
        CLOSED,
      ],
      { bound: ['ipc:///a', 'tcp://127.0.0.1:4711', 'ipc:///b'], problem: null },
    ),
    story(
      'releases what it has bound when an endpoint cannot be',
      [step(bound('ipc:///a'), 'binding.next', 'bind'), step(FAILED, 'closed.releasing', 'release'), CLOSED],
      { bound: ['ipc:///a'], problem: 'ENDPOINT_IN_USE' },
    ),
    story('closes when there is no tree to serve', [...BOUND, step(CLOSE, 'closed.releasing', 'release'), CLOSED]),
    story('closes without draining when the tree is down already', [
      ...BOUND,
      step(SERVE, 'serving', 'admit'),
      step(CLOSE, 'closed.releasing', 'release'),
      CLOSED,
    ]),
  ]);
});
