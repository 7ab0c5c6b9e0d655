import { expect, it } from 'vitest';
import { uninterrupted } from '../../src/contract/uninterrupted.js';

it('repeats a call until no signal interrupts it, and passes on every other error', () => {
  const interrupted = Object.assign(new Error('Interrupted system call'), { code: 'EINTR' });
  const refused = Object.assign(new Error('Address in use'), { code: 'EADDRINUSE' });
  const outcomes = [interrupted, interrupted, refused, interrupted, 'bound'];
  const call = () => {
    const outcome = outcomes.shift();
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  expect(() => uninterrupted(call)).toThrow(refused);
  expect(uninterrupted(call)).toBe('bound');
});
