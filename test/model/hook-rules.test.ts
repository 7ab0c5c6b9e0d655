import { describe, expect, it } from 'vitest';
import { problemText } from '../../src/model/problem.js';
import { validate } from '../../src/model/validate.js';

describe('hooks of an agent', () => {
  it.each([
    [{ hooks: { beforeStart: 'mkdir x' } }, 'hooks.beforeStart must be a list of strings, got (hidden)'],
    [{ hooks: { beforeStart: [] } }, 'hooks.beforeStart must name a program, got (a list)'],
    [
      { hooks: { before: ['x'] } },
      'hooks.before must not be given; known here: beforeStart, afterEnd, timeout, got (a list)',
    ],
    [{ hooks: { timeout: 0 } }, 'hooks.timeout must be an integer > 0, got 0'],
    [
      { hooks: { afterEnd: ['x', '{port}'] } },
      'hooks.afterEnd[1] must not use {port}, a port that it does not have; the text itself is {{port}}, got (hidden)',
    ],
  ])('%j: %s', (more, text) => {
    const problems = validate({ children: [{ id: 'a', command: ['true'], ...more }] });
    expect(problems.map(problemText)).toEqual([`children[0].${text}`]);
  });
});
