import { describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { asSupertreeError } from '../../src/errors.js';
import type { Report } from '../../src/model/report.js';

describe('polls of readiness that fail', () => {
  it('are no errors; the last one is reported with the timeout', async () => {
    const reports: Report[] = [];
    const readiness = { type: 'exec', command: ['sh', '-c', 'exit 7'], interval: 20, timeout: 300 } as const;
    const tree = createTree({ children: [{ id: 'a', command: ['sleep', '1000'], readiness, restart: 'temporary' }] });
    tree.subscribe((report) => reports.push(report));
    const error = await tree.start().then(() => expect.unreachable('it is never ready'), asSupertreeError);
    expect(error.message).toContain('readiness-timeout, probe sh -c exit 7 ended with code 7');
    expect(reports.filter(({ type }) => type === 'error')).toEqual([]);
    const exits = reports.flatMap((report) => (report.type === 'exited' ? [report.exit] : []));
    expect(exits).toMatchObject([{ cause: 'readiness-timeout', detail: 'probe sh -c exit 7 ended with code 7' }]);
  });
});

describe('the health of an agent', () => {
  it('is unknown once it does not run', async () => {
    const command = ['sh', '-c', 'printf "READY=1\\nHEALTH=healthy\\n" >&$SUPERTREE_NOTIFY_FD; exec sleep 1000'];
    const tree = createTree({ children: [{ id: 'a', command, readiness: { type: 'notify' } }] });
    const healthy = new Promise<void>((resolve) => tree.subscribe((report) => report.type === 'health' && resolve()));
    await tree.start();
    await healthy;
    expect(tree.agent('a').view().health).toBe('healthy');
    await tree.agent('a').stop();
    expect(tree.agent('a').view()).toMatchObject({ state: 'stopped', health: 'unknown' });
    await tree.stop();
  });
});
