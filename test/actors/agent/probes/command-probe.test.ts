import { expect, it } from 'vitest';
import { commandProbe } from '../../../../src/actors/agent/probes/command-probe.js';
import type { ProbeResult } from '../../../../src/actors/agent/probes/probe.js';
import { systemClock } from '../../../../src/contract/clock.js';

it('names the limit of the system that keeps its command from running', async () => {
  const env = { LONG: 'x'.repeat(4 * 1024 * 1024) };
  const probe = commandProbe({ command: ['true'], cwd: null, env: () => env, clock: systemClock });
  const result = await new Promise<ProbeResult>((resolve) => probe(60_000, resolve));
  expect(result).toEqual({
    outcome: 'unknown',
    text: 'probe true did not run: the arguments and the environment are longer than the system allows (E2BIG)',
  });
});
