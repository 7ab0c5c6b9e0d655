import { describe, expect, it } from 'vitest';
import { answerTo, fromKeeper, MessageReader, toKeeper } from '../../../src/drivers/keeper/protocol/codec.js';
import {
  FROM_KEEPER,
  type FromKeeper,
  KEEPER_VERSION,
  OLDEST_VERSION,
  TO_KEEPER,
  type ToKeeper,
} from '../../../src/drivers/keeper/protocol/messages.js';

/*
 * Frames of version 4, as its release has written them. A keeper outlives the release that started it, so they stay as they are: a message that must change
 * gets another number, and the old one is read and written for keepers that know no other.
 */

const BYTES = Buffer.from('a\n');

const TO: readonly [ToKeeper, string][] = [
  [{ type: 'hello', secret: 'root/a', pid: 1 }, '0000000a9301a6726f6f742f6101'],
  [{ type: 'ask', agent: 1, signal: 300, after: 1.5 }, '0000000f940301cd012ccb3ff8000000000000'],
  [{ type: 'kill', agent: 1, after: 1.5 }, '0000000c930401cb3ff8000000000000'],
  [{ type: 'signal', agent: 1, signal: 300 }, '00000006930501cd012c'],
  [{ type: 'freeze', agent: 1, round: 300 }, '00000006930601cd012c'],
  [{ type: 'thaw', agent: 1 }, '00000003920701'],
  [{ type: 'input', agent: 1, bytes: BYTES }, '00000007930801c402610a'],
  [{ type: 'endInput', agent: 1, after: 1.5 }, '0000000c930901cb3ff8000000000000'],
  [{ type: 'resize', agent: 1, columns: 300, rows: 70000 }, '0000000b941101cd012cce00011170'],
  [{ type: 'drain', agent: 1 }, '00000003920a01'],
  [{ type: 'ping', round: 1 }, '00000003921401'],
  [{ type: 'look' }, '000000029112'],
  [{ type: 'acknowledge', agent: 1, record: 300 }, '00000006930b01cd012c'],
  [{ type: 'adopt', agent: 1 }, '00000003920c01'],
  [{ type: 'discard', agent: 1 }, '00000003920d01'],
  [{ type: 'remember', key: 'root/a', value: BYTES }, '0000000d930ea6726f6f742f61c402610a'],
  [{ type: 'forget', key: 'root/a' }, '00000009920fa6726f6f742f61'],
  [{ type: 'end' }, '000000029110'],
];

const FROM: readonly [FromKeeper, string][] = [
  [{ type: 'welcome', pid: 1, isBranded: true, weakness: null }, '00000005940101c3c0'],
  [
    { type: 'spawned', agent: 1, record: 300, pid: 70000, ticks: 5000000000, brand: 'root/a', at: 1.5 },
    '00000024970201cd012cce00011170cb41f2a05f20000000a6726f6f742f61cb3ff8000000000000',
  ],
  [
    { type: 'failed', agent: 1, record: 300, errno: 70000, option: 'root/a', at: 1.5 },
    '0000001b960301cd012cce00011170a6726f6f742f61cb3ff8000000000000',
  ],
  [{ type: 'output', agent: 1, record: 300, stream: 70000, bytes: BYTES }, '0000000f950401cd012cce00011170c402610a'],
  [{ type: 'closed', agent: 1, record: 300, stream: 70000 }, '0000000b940501cd012cce00011170'],
  [
    { type: 'exited', agent: 1, record: 300, status: 70000, isEmpty: true, at: 1.5 },
    '00000015960601cd012cce00011170c3cb3ff8000000000000',
  ],
  [{ type: 'gone', agent: 1, record: 300 }, '00000006930701cd012c'],
  [
    { type: 'frozen', agent: 1, record: 300, round: 70000, problem: 'root/a', at: 1.5 },
    '0000001b960801cd012cce00011170a6726f6f742f61cb3ff8000000000000',
  ],
  [{ type: 'taken', agent: 1, record: 300, errno: 70000 }, '0000000b940901cd012cce00011170'],
  [{ type: 'pong', round: 1 }, '00000003921401'],
  [{ type: 'problem', text: 'root/a' }, '00000009920aa6726f6f742f61'],
  [{ type: 'remembered', key: 'root/a', value: BYTES }, '0000000d930ba6726f6f742f61c402610a'],
  [
    {
      type: 'kept',
      agent: 1,
      path: 'root/a',
      incarnation: 300,
      token: 'é',
      pid: 70000,
      ticks: 5000000000,
      brand: 'root/a',
      at: 1.5,
    },
    '0000002e990c01a6726f6f742f61cd012ca2c3a9ce00011170cb41f2a05f20000000a6726f6f742f61cb3ff8000000000000',
  ],
  [{ type: 'complete' }, '00000002910d'],
  [
    { type: 'history', agent: 1, stream: 300, lost: 70000, bytes: BYTES, at: 1.5 },
    '00000018960e01cd012cce00011170c402610acb3ff8000000000000',
  ],
];

/** Messages that came with version 6. */
const ADDED = ['link', 'received', 'linked'];

/** What a program and a keeper of these versions say first. */
const GREETINGS = [
  { keeper: 4, answer: 4 },
  { keeper: 5, answer: 5 },
  { keeper: 6, answer: 6 },
  { keeper: 7, answer: 6 },
];

describe('the frames of version 4', () => {
  it('are those of this release, except for start', () => {
    expect(TO.map(([message]) => toKeeper.encode(message).toString('hex'))).toEqual(TO.map(([, frame]) => frame));
    expect(FROM.map(([message]) => fromKeeper.encode(message).toString('hex'))).toEqual(FROM.map(([, frame]) => frame));
  });

  it('are read by this release', () => {
    for (const [codec, table] of [
      [toKeeper, TO],
      [fromKeeper, FROM],
    ] as const) {
      const reader = new MessageReader<ToKeeper | FromKeeper>(codec);
      const stream = Buffer.concat([Buffer.of(4), ...table.map(([, frame]) => Buffer.from(frame, 'hex'))]);
      expect([...reader.push(stream)]).toEqual(table.map(([message]) => message));
    }
  });

  it('are recorded for every message of that version', () => {
    const recorded = [...TO, ...FROM].map(([{ type }]) => type);
    const known = [...Object.keys(TO_KEEPER), ...Object.keys(FROM_KEEPER)];
    expect(known.filter((type) => type !== 'start' && !ADDED.includes(type))).toEqual(recorded);
  });
});

describe('the versions', () => {
  it.each(GREETINGS)('a keeper of version $keeper is answered $answer', ({ keeper, answer }) => {
    expect([OLDEST_VERSION, KEEPER_VERSION]).toEqual([4, 6]);
    expect([...answerTo(keeper)]).toEqual([answer]);
  });
});
