import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/model/report.js';
import { reportListener } from '../../src/model/report-selection.js';
import { startWorld } from '../actors/fake-world.js';

const REPORTS: readonly Report[] = [
  { path: 'root/a', at: 1, type: 'created', uuid: 'u' },
  { path: 'root/a', at: 2, type: 'state', state: 'spawning', incarnation: 1 },
  { path: 'root/a', at: 3, type: 'removed', uuid: 'u' },
];

describe('a subscription', () => {
  it('to everything, to one type, to several', () => {
    const received: string[][] = [[], [], []];
    const listeners = [
      reportListener([({ type }) => void received[0]?.push(type)]),
      reportListener(['state', ({ type }: Report) => void received[1]?.push(type)]),
      reportListener([['created', 'removed'], ({ type }: Report) => void received[2]?.push(type)]),
    ];
    for (const report of REPORTS) for (const listener of listeners) listener(report);
    expect(received).toEqual([['created', 'state', 'removed'], ['state'], ['created', 'removed']]);
  });

  it('knows the fields of the types that it names', async () => {
    const { tree, driver, clock } = await startWorld({ children: [{ id: 'a', command: ['program'] }] });
    const codes: (number | null)[] = [];
    const end = tree.subscribe('exited', ({ exit }) => codes.push(exit.code));
    const words: string[] = [];
    tree.subscribe(['restarting', 'exhausted'], (report) => words.push(`${report.type} ${report.reason}`));
    driver.crash('root/a', { code: 3 });
    await clock.advance(1_000);
    end();
    driver.crash('root/a', { code: 4 });
    await clock.advance(1_000);
    expect(codes).toEqual([3]);
    expect(words).toEqual(['restarting exit code 3', 'restarting exit code 4']);
  });

  it('to a type that no report has is refused', async () => {
    const { tree } = await startWorld({ children: [] });
    const wrong = () => tree.subscribe('exit' as never, () => {});
    expect(wrong).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});
