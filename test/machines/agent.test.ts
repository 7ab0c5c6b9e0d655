import { describe, expect, it } from 'vitest';
import { agentMachine } from '../../src/machines/index.js';
import { ENDS } from './agent-ends.js';
import { HOOKED } from './agent-hooks.js';
import { LIMITED } from './agent-limits.js';
import { LIVENESS } from './agent-liveness.js';
import { LIVES } from './agent-lives.js';
import { ruledEffects } from './agent-rules.js';
import { STAGES_ON_DEMAND } from './agent-stages.js';
import { STARTS } from './agent-starts.js';
import { play } from './scenario.js';
import { describeScenarios } from './scenarios.js';

const STORIES = [...STARTS, ...LIVES, ...LIVENESS, ...LIMITED, ...ENDS, ...STAGES_ON_DEMAND, ...HOOKED];

describe('an agent', () => {
  describeScenarios(agentMachine, STORIES);

  it.each(STORIES)('reports sub-states and watches resources by rule: $title', (story) => {
    const { seen, ruled } = play(agentMachine, story);
    const places = ['stopped', ...seen.map(({ state }) => state)];
    expect(ruled).toEqual(seen.map(({ state }, n) => ruledEffects(places[n] ?? '', state)));
  });

  it('has no duplicate story', () => {
    const titles = STORIES.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });
});
