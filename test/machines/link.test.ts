import { describe, expect, it } from 'vitest';
import { linkMachine } from '../../src/machines/index.js';
import type { LinkEvent, LinkInput } from '../../src/machines/link.js';
import { play, type Scenario, type Step } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const backoff = { initial: 100, factor: 2, max: 30_000, jitter: 0.5, resetAfter: 10_000 };
const input: LinkInput = { attempts: 2, backoff };

const CONNECT: LinkEvent = { type: 'CONNECT' };
const CLOSE: LinkEvent = { type: 'CLOSE' };
const OPENED: LinkEvent = { type: 'OPENED', at: 1_000 };
const lost = (at = 1_000, random = 0): LinkEvent => ({ type: 'LOST', at, random });

const step = (happening: Step<LinkEvent>['happening'], state: string, ...effects: string[]) => ({
  happening,
  state,
  effects,
});

const CONNECTED = [step(CONNECT, 'connecting', 'open'), step(OPENED, 'connected', 'admit')];
const FAILED = [
  step(CONNECT, 'connecting', 'open'),
  step(lost(), 'reconnecting.waiting', 'drop'),
  step(100, 'reconnecting.trying', 'open'),
  step(lost(), 'reconnecting.waiting', 'drop'),
  step(200, 'reconnecting.trying', 'open'),
  step(lost(), 'failed', 'drop', 'giveUp'),
];

const story = (
  title: string,
  steps: readonly Step<LinkEvent>[],
  context: Readonly<Record<string, unknown>> = {},
  given: LinkInput = input,
): Scenario<LinkEvent, LinkInput> => ({ title, input: given, steps, context });

describe('a link', () => {
  describeScenarios<LinkEvent, LinkInput>(linkMachine, [
    story('connects and can be closed, twice', [
      ...CONNECTED,
      step(CLOSE, 'disconnected', 'strand', 'drop', 'giveUp'),
      step(CLOSE, 'disconnected', 'drop', 'giveUp'),
    ]),
    story(
      'connects again after a loss, and says how often',
      [
        ...CONNECTED,
        step(lost(), 'reconnecting.waiting', 'strand', 'drop'),
        step(99, 'reconnecting.waiting'),
        step(1, 'reconnecting.trying', 'open'),
        step(OPENED, 'connected', 'admit'),
      ],
      { reconnections: 1, connectedAt: 1_000, failed: 0 },
    ),
    story(
      'tries at once when it is told to, and forgets no failure over that',
      [
        ...CONNECTED,
        step(lost(), 'reconnecting.waiting', 'strand', 'drop'),
        step(CONNECT, 'reconnecting.trying', 'open'),
        step(CONNECT, 'reconnecting.trying'),
        step(lost(), 'reconnecting.waiting', 'drop'),
      ],
      { failed: 2, streak: 2, delay: 200 },
    ),
    story('tries less and less often, then gives up', FAILED, { failed: 3, connectedAt: null }),
    story(
      'begins anew when it is told to, once it has given up',
      [...FAILED, step(CONNECT, 'connecting', 'open'), step(OPENED, 'connected', 'admit')],
      { failed: 0, streak: 0, reconnections: 0 },
    ),
    story(
      'gives up at the first failure when it may not try again',
      [step(CONNECT, 'connecting', 'open'), step(lost(), 'failed', 'drop', 'giveUp')],
      {},
      { attempts: 0, backoff },
    ),
    story(
      'gives up with the connection when it may not try again',
      [...CONNECTED, step(lost(), 'failed', 'strand', 'drop', 'giveUp')],
      {},
      { attempts: 0, backoff },
    ),
    story(
      'keeps its delay long while its connections do not last',
      [
        ...CONNECTED,
        step(lost(2_000), 'reconnecting.waiting', 'strand', 'drop'),
        step(100, 'reconnecting.trying', 'open'),
        step(OPENED, 'connected', 'admit'),
        step(lost(2_000), 'reconnecting.waiting', 'strand', 'drop'),
      ],
      { delay: 200 },
    ),
    story(
      'begins with a short delay after a connection that lasted',
      [
        ...CONNECTED,
        step(lost(2_000), 'reconnecting.waiting', 'strand', 'drop'),
        step(100, 'reconnecting.trying', 'open'),
        step(OPENED, 'connected', 'admit'),
        step(lost(11_000), 'reconnecting.waiting', 'strand', 'drop'),
      ],
      { delay: 100 },
    ),
  ]);

  it('waits at most the longest delay, less the jitter', () => {
    const steps: Step<LinkEvent>[] = [step(CONNECT, 'connecting', 'open')];
    for (let tries = 0; tries < 20; tries++) steps.push(step(lost(0, 0.5), ''), step(30_000, ''));
    const { context } = play(linkMachine, { title: '', input: { attempts: 100, backoff }, steps });
    expect(context).toMatchObject({ failed: 20, streak: 20, delay: 22_500 });
  });
});
