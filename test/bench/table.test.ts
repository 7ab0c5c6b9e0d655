import { describe, expect, it } from 'vitest';
import { ratioRow } from '../../bench/measurement.js';
import { tableOf } from '../../bench/table.js';

describe('the table of measurements', () => {
  it('has a column for each other supervisor, with its figure and its ratio to the floor', () => {
    const stop = { ...ratioRow('stop', 'ms', 30, 10, 4), peers: { runit: 5, erlang: 125 } };
    expect(tableOf([stop]).split('\n')).toEqual([
      'what     ours    floor  ratio  target             runit            erlang         ',
      'stop  30.0 ms  10.0 ms   3.00  <= 4 x floor  met  5.00 ms, 0.50 x  125 ms, 12.50 x',
    ]);
  });

  it('says in its column that a supervisor is not installed', () => {
    const start = { ...ratioRow('start', 'ms', 30, 10, 4), peers: { runit: null } };
    expect(tableOf([start])).toMatch(/ met {2}not installed$/);
  });

  it('leaves the columns empty in rows that do not compare with other supervisors', () => {
    const rows = [ratioRow('start', 'ms', 3, 10, 4), { ...ratioRow('stop', 'ms', 3, 10, 4), peers: { runit: 20 } }];
    expect(tableOf(rows).split('\n')[1]).toMatch(/ met *$/);
  });

  it('has no further column without such rows', () => {
    expect(
      tableOf([ratioRow('start', 'ms', 3, 10, 4)])
        .split('\n')[0]
        ?.trimEnd(),
    ).toMatch(/target$/);
  });
});
