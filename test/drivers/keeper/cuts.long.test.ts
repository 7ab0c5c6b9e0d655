import { describe, it } from 'vitest';
import type { FromKeeper, ToKeeper } from '../../../src/drivers/keeper/protocol/messages.js';
import { liveThroughCut, takeOverThroughCut } from './cut-scenario.js';
import type { Cut } from './cut-sockets.js';

/* A program whose connection to its keeper is cut at each kind of message, in both directions, while both live. */

const TO: ToKeeper['type'][] = [
  ...(['link', 'hello', 'start', 'ask', 'kill', 'signal', 'freeze', 'thaw', 'input', 'endInput', 'resize'] as const),
  ...(['drain', 'ping', 'acknowledge', 'received', 'end'] as const),
];
const FROM: FromKeeper['type'][] = [
  ...(['linked', 'welcome', 'complete', 'spawned', 'failed', 'output', 'closed', 'exited', 'gone', 'frozen'] as const),
  ...(['taken', 'pong', 'received'] as const),
];
const TAKEOVER_TO: ToKeeper['type'][] = [
  'link',
  'hello',
  'adopt',
  'discard',
  'remember',
  'forget',
  'ping',
  'acknowledge',
];
const TAKEOVER_FROM: FromKeeper['type'][] = [
  ...(['linked', 'welcome', 'remembered', 'kept', 'complete', 'history', 'output', 'exited', 'pong'] as const),
];

function cuts(direction: Cut['direction'], types: readonly Cut['type'][]): Cut[] {
  return types.flatMap((type) => (['whole', 'half'] as const).map((part) => ({ direction, type, part })));
}

describe('agents of a program whose connection is cut', () => {
  it.each(cuts('to', TO))('after a $part $type was sent', (cut) => liveThroughCut(cut));
  it.each(cuts('from', FROM))('at a $type that is not read, or is read in part ($part)', (cut) => liveThroughCut(cut));
});

describe('agents of a program that takes over, and whose connection is cut', () => {
  it.each(cuts('to', TAKEOVER_TO))('after a $part $type was sent', (cut) => takeOverThroughCut(cut));
  it.each(cuts('from', TAKEOVER_FROM))('at a $type that is not read, or is read in part ($part)', (cut) =>
    takeOverThroughCut(cut),
  );
});
