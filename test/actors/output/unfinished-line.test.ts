import { describe, expect, it } from 'vitest';
import { watchReadiness } from '../../../src/actors/agent/probes/readiness.js';
import { createOutput } from '../../../src/actors/output/output.js';
import { TimingWheel } from '../../../src/actors/timing-wheel.js';
import { createVirtualClock } from '../../../src/testing/index.js';

const PLAN = { bytes: 10_000, lines: 100, lineBytes: 1_000 };

function rig() {
  const clock = createVirtualClock();
  const wheel = new TimingWheel(clock, (thrown) => expect(thrown).toBeUndefined());
  const output = createOutput(PLAN, clock, { wheel });
  const lines = () =>
    output.page().lines.map(({ bytes, partial }) => `${Buffer.from(bytes)}${partial ? ' (piece)' : ''}`);
  return { clock, output, lines, write: (text: string) => output.push('stdout', Buffer.from(text)) };
}

describe('an unfinished line', () => {
  it('is seen as a piece within 100 ms, and its rest as another one', async () => {
    const { clock, lines, write } = rig();
    write('first\nOverwrite? [y/n] ');
    expect(lines()).toEqual(['first\n']);
    await clock.advance(100);
    expect(lines()).toEqual(['first\n', 'Overwrite? [y/n]  (piece)']);
    write('y\nnext\n');
    expect(lines().slice(2)).toEqual(['y\n (piece)', 'next\n']);
    expect(clock.pending()).toBe(0);
  });

  it('stays one line when its rest comes at once', async () => {
    const { clock, lines, write } = rig();
    write('one ');
    await clock.advance(20);
    write('line\n');
    await clock.advance(1_000);
    expect(lines()).toEqual(['one line\n']);
  });

  it('is a line at the end of the incarnation, and one text in the last lines of standard error', async () => {
    const { clock, output } = rig();
    output.push('stderr', Buffer.from('a\nb, '));
    await clock.advance(100);
    output.push('stderr', Buffer.from('c, '));
    await clock.advance(100);
    output.push('stderr', Buffer.from('d'));
    expect(output.tail(5)).toEqual(['a', 'b, c, d']);
    output.endOfIncarnation();
    expect(output.tail(5)).toEqual(['a', 'b, c, d']);
    expect(clock.pending()).toBe(0);
  });

  it('makes an agent ready that prompts, and one that writes its line slowly', async () => {
    for (const [pattern, pieces] of [
      ['^ready> ', ['ready> ']],
      ['^all is ready$', ['all ', 'is ', 'ready']],
    ] as const) {
      const { clock, output, write } = rig();
      let ready = 0;
      const readiness = { type: 'log', pattern, flags: '', stream: 'both', timeout: 1_000 } as const;
      watchReadiness({ readiness, ports: {}, output, clock }, () => ready++, expect.fail);
      for (const piece of pieces) {
        expect(ready).toBe(0);
        write(piece);
        await clock.advance(150);
      }
      expect(ready).toBe(1);
    }
  });
});
