import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { historiesIn, play, stepOf } from './script.js';

/*
 * What a real supervisor of OTP did in some hundred random histories in motion, at every step of each. It was recorded by
 * `npm run soak -- otp --histories 300 --seed 1 --record`; without `--record`, and with other seeds, that compares as many others as one likes.
 */
const recorded = historiesIn(readFileSync(new URL('./recorded.txt', import.meta.url), 'utf8'));

describe('the engine beside a real supervisor of OTP', () => {
  it.each(['one_for_one', 'one_for_all', 'rest_for_one'])('does the same at every step under %s', (strategy) => {
    const histories = recorded.filter(([first = '']) => first.startsWith(`history ${strategy} `));
    expect(histories.length).toBeGreaterThan(50);
    for (const theirs of histories) expect(play(theirs.map(stepOf))).toEqual(theirs);
  });
});
