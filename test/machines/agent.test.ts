import { describe, expect, it } from 'vitest';
import { agentMachine } from '../../src/machines/index.js';
import { ENDS } from './agent-ends.js';
import { LIVES } from './agent-lives.js';
import { STARTS } from './agent-starts.js';
import { describeScenarios } from './scenarios.js';

describe('an agent', () => {
  describeScenarios(agentMachine, [...STARTS, ...LIVES, ...ENDS]);

  it('has no story told twice', () => {
    const titles = [...STARTS, ...LIVES, ...ENDS].map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });
});
