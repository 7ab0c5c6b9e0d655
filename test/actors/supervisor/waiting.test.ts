import { describe, expect, it } from 'vitest';
import { createWorld, outcome } from '../fake-world.js';

const WAITS = { readiness: { type: 'notify' } } as const;

describe('the view of an agent whose start waits', () => {
  it('says for whom, and says it no longer when its turn has come', async () => {
    const children = [
      { id: 'db', command: ['db'], ...WAITS },
      { id: 'web', command: ['web'] },
    ];
    const { clock, tree } = createWorld({ start: 'sequence', children }, { script: { 'root/db': { readyIn: 50 } } });
    const detail = () => tree.agent('web').view().detail;
    const booted = tree.start();
    await clock.advance(10);
    expect(detail()).toBe('waiting for db to be ready');
    expect(tree.agents().map((agent) => agent.detail)[1]).toBe('waiting for db to be ready');
    await clock.advance(60_000);
    expect(await outcome(clock, booted)).toBe('done');
    expect(detail()).toBe('running.unknown');
  });

  it('is the same object again as long as nothing changes', async () => {
    const { clock, tree } = createWorld({ children: [{ id: 'web', command: ['web'] }] });
    tree.start();
    await clock.advance(60_000);
    expect(tree.agent('web').view()).toBe(tree.agent('web').view());
  });
});
