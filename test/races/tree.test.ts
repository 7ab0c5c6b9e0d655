import { describe, expect, it } from 'vitest';
import type { Ports } from '../../src/actors/ports/ports.js';
import fc from '../fast-check.js';
import { waves } from './events.js';
import { behaviours, refusals, tree } from './generators.js';
import { race } from './race.js';

/*
 * A whole tree (charts, engines, actors) on a driver, ports and a clock whose every step is a task of fast-check's scheduler: spawn results, exits,
 * readiness, deadlines, leases and commands come in any order. A failure prints its seed and the schedule. RACES=20000 runs more of them.
 */

const RUNS = Number(process.env.RACES ?? 100);

function raceProperty(wrapPorts?: (ports: Ports) => Ports) {
  return fc.asyncProperty(
    fc.scheduler(),
    tree,
    behaviours,
    refusals,
    waves,
    async (scheduler, input, behaviour, refused, list) => {
      const setting = { input, behaviours: behaviour, refusals: refused, waves: list, ...(wrapPorts && { wrapPorts }) };
      expect(await race(scheduler, setting)).toEqual([]);
    },
  );
}

describe('races of a whole tree', () => {
  it('violate no rule, whatever the order of events, commands and deadlines', async () => {
    await fc.assert(raceProperty(), { numRuns: RUNS });
  }, 600_000);

  it('find ports that do not release cancelled leases', async () => {
    const forgetful = (ports: Ports): Ports => ({
      lease: (path, incarnation, requests) => ports.lease(path, incarnation, requests),
      leases: () => ports.leases(),
      release: (path, incarnation, clean) => {
        if (ports.leases().some((lease) => lease.path === path)) ports.release(path, incarnation, clean);
      },
    });
    expect((await fc.check(raceProperty(forgetful), { numRuns: 600, endOnFailure: true })).failed).toBe(true);
  });
});
