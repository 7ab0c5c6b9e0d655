import { describe, expect, it } from 'vitest';
import {
  choosePort,
  chooseRange,
  confirmPort,
  createLeaseTable,
  type LeaseTable,
  refusePort,
  releasePorts,
} from '../../src/model/lease.js';
import fc from '../fast-check.js';

const EPHEMERAL = { first: 32_768, last: 60_999 };
const tableOf = (count: number): LeaseTable =>
  createLeaseTable({
    range: { first: 100, last: 99 + count },
    ephemeral: EPHEMERAL,
    quarantine: 2_000,
    avoidance: 30_000,
  });

/** Leases the port `http` and finds it free. */
function take(table: LeaseTable, path: string, incarnation: number, at = 0, preferred: number | null = null) {
  const port = choosePort(table, path, incarnation, { name: 'http', preferred }, at);
  if (port !== null) confirmPort(table, port);
  return port;
}

describe('choosing a port', () => {
  it('gives the lowest free one', () => {
    const table = tableOf(5);
    expect([take(table, 'a', 1), take(table, 'b', 1), take(table, 'c', 1)]).toEqual([100, 101, 102]);
    releasePorts(table, 'b', 1, true, 0);
    expect(take(table, 'd', 1)).toBe(101);
    expect(take(table, 'e', 1)).toBe(103);
  });

  it('gives a port to any agent at once after a clean end', () => {
    const table = tableOf(1);
    take(table, 'a', 1);
    expect(take(table, 'b', 1)).toBeNull();
    releasePorts(table, 'a', 1, true, 0);
    expect(take(table, 'b', 1)).toBe(100);
  });

  it('gives an agent its last port again while it is free', () => {
    const table = tableOf(5);
    take(table, 'a', 1);
    expect(take(table, 'b', 1)).toBe(101);
    releasePorts(table, 'a', 1, true, 0);
    releasePorts(table, 'b', 1, true, 0);
    expect(take(table, 'b', 2)).toBe(101);
    expect(take(table, 'c', 1)).toBe(100);
    expect(take(table, 'a', 2)).toBe(102);
  });

  it('keeps a port in quarantine from other agents after an unclean end, not from its own', () => {
    const table = tableOf(2);
    take(table, 'a', 1);
    releasePorts(table, 'a', 1, false, 1_000);
    expect(take(table, 'b', 1, 2_999)).toBe(101);
    expect(take(table, 'c', 1, 2_999)).toBeNull();
    expect(take(table, 'c', 1, 3_000)).toBe(100);

    releasePorts(table, 'b', 1, false, 5_000);
    expect(take(table, 'b', 2, 5_001)).toBe(101);
  });

  it('does not try a refused port for a while, not even for the agent that had it', () => {
    const table = tableOf(2);
    take(table, 'a', 1);
    releasePorts(table, 'a', 1, true, 0);
    expect(choosePort(table, 'a', 2, { name: 'http', preferred: null }, 0)).toBe(100);
    refusePort(table, 100, 0);
    expect(take(table, 'a', 2, 1)).toBe(101);
    expect(take(table, 'b', 1, 29_999)).toBeNull();
    expect(take(table, 'b', 1, 30_000)).toBe(100);
  });

  it('tries the preferred port first, outside of the range too, but not where the kernel gives ports out', () => {
    const table = tableOf(5);
    expect(take(table, 'a', 1, 0, 103)).toBe(103);
    expect(take(table, 'b', 1, 0, 103)).toBe(100);
    expect(take(table, 'c', 1, 0, 5_000)).toBe(5_000);
    expect(take(table, 'd', 1, 0, 40_000)).toBe(101);
    const open = { ...tableOf(5), ephemeral: null };
    expect(take(open, 'd', 1, 0, 40_000)).toBe(40_000);
  });

  it('remembers no more than there are ports, however many agents come and go', () => {
    const table = tableOf(3);
    for (let i = 0; i < 1_000; i++) {
      expect(take(table, `root/pool/${i}`, 1)).toBe(100);
      releasePorts(table, `root/pool/${i}`, 1, i % 2 === 0, i * 10_000);
      expect(take(table, 'own', i, i * 10_000 + 5_000)).toBe(100);
      releasePorts(table, 'own', i, true, i * 10_000 + 5_000);
    }
    for (const size of [table.sticky.size, table.owners.size, table.exclusions.size])
      expect(size).toBeLessThanOrEqual(3);
    expect([table.leases.size, table.held.size]).toEqual([0, 0]);
  });
});

describe('the range', () => {
  it('ends before the ephemeral range when no count is given', () => {
    expect(chooseRange({}, EPHEMERAL)).toEqual({ range: { first: 8_100, last: 18_099 }, refused: false });
    expect(chooseRange({}, { first: 9_000, last: 65_535 })).toEqual({
      range: { first: 8_100, last: 8_999 },
      refused: false,
    });
    expect(chooseRange({ base: 61_000 }, EPHEMERAL)).toEqual({
      range: { first: 61_000, last: 65_535 },
      refused: false,
    });
  });

  it('is refused where it overlaps, unless that is allowed', () => {
    expect(chooseRange({ base: 32_000, count: 769 }, EPHEMERAL).refused).toBe(true);
    expect(chooseRange({ base: 32_000, count: 768 }, EPHEMERAL).refused).toBe(false);
    expect(chooseRange({ base: 40_000 }, EPHEMERAL).refused).toBe(true);
    expect(chooseRange({}, { first: 1_024, last: 65_535 }).refused).toBe(true);
    expect(chooseRange({ base: 40_000, count: 10, allowEphemeral: true }, EPHEMERAL).refused).toBe(false);
  });
});

describe('any history of leases', () => {
  const path = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({
      do: fc.constant('take' as const),
      path,
      incarnation: fc.nat(3),
      name: fc.constantFrom('x', 'y'),
      preferred: fc.option(fc.integer({ min: 98, max: 107 })),
      refused: fc.boolean(),
    }),
    fc.record({ do: fc.constant('release' as const), path, incarnation: fc.nat(3), clean: fc.boolean() }),
  );

  it('never leases one port twice, and a release ends exactly the leases of its incarnation', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(5_000)), { maxLength: 60 }), (steps) => {
        const table = tableOf(5);
        const model = new Map<number, string>();
        let at = 0;
        for (const [action, pause] of steps) {
          at += pause;
          const key = `${action.path} ${action.incarnation}`;
          if (action.do === 'release') {
            const mine = [...model].filter(([, holder]) => holder === key).map(([port]) => port);
            const ended = releasePorts(table, action.path, action.incarnation, action.clean, at);
            expect([...ended].sort()).toEqual(mine.sort());
            for (const port of mine) model.delete(port);
          } else {
            const port = choosePort(table, action.path, action.incarnation, action, at);
            if (port === null) continue;
            expect(model.has(port)).toBe(false);
            if (action.refused) refusePort(table, port, at);
            else {
              confirmPort(table, port);
              model.set(port, key);
            }
          }
          expect([...table.leases.keys()].sort()).toEqual([...model.keys()].sort());
          expect(table.sticky.size).toBe(table.owners.size);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds a port whenever one of the range is neither leased nor barred', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 40 }), (steps) => {
        const table = tableOf(4);
        for (const [i, [agent, release]] of steps.entries()) {
          if (release) releasePorts(table, `a${agent}`, 1, true, i);
          else if (!table.held.has(`a${agent} 1`))
            expect(take(table, `a${agent}`, 1, i) !== null).toBe(
              table.leases.size <= 4 && table.held.has(`a${agent} 1`),
            );
        }
        const free = 4 - table.leases.size;
        for (let i = 0; i < free; i++) expect(take(table, `new${i}`, 1, 99)).not.toBeNull();
        expect(take(table, 'more', 1, 99)).toBeNull();
      }),
    );
  });
});
