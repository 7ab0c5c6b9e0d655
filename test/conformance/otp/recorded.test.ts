import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { historiesIn, play, stepOf } from './script.js';
import { playTree } from './tree-script.js';

/*
 * What real supervisors of OTP did in some hundred random histories in motion, at every step of each. It was recorded by
 * `npm run soak -- otp --histories 320 --seed 1 --record`; without `--record`, and with other seeds, that compares as many others as one likes.
 */
function recorded(file: string): string[][] {
  return historiesIn(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

describe('the engine beside a real supervisor of OTP', () => {
  it.each(['one_for_one', 'one_for_all', 'rest_for_one'])('does the same at every step under %s', (strategy) => {
    const histories = recorded('./recorded.txt').filter(([first = '']) => first.startsWith(`history ${strategy} `));
    expect(histories.length).toBeGreaterThan(50);
    for (const theirs of histories) expect(play(theirs.map(stepOf))).toEqual(theirs);
  });
});

describe('a tree with a supervisor and a pool below another one, beside real ones of OTP', () => {
  it('does the same at every step', async () => {
    const histories = recorded('./recorded-trees.txt');
    expect(histories.length).toBeGreaterThan(50);
    for (const theirs of histories) expect(await playTree(theirs.map(stepOf))).toEqual(theirs);
  });
});
