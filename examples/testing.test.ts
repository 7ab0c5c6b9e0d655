// Tests a program that supervises a database and a web server, without either and without waiting. Runs with vitest.
import { createTree, type TreeOptions, toText } from 'supertree';
import { createFakeDriver, createVirtualClock, type FakeScript } from 'supertree/testing';
import { describe, expect, it } from 'vitest';

/** The code under test: it takes the options of its tree, so that a test can give it a clock and a driver. */
function createServices(options: TreeOptions = {}) {
  return createTree(
    {
      children: [
        { id: 'db', command: ['postgres'], readiness: { type: 'notify', timeout: 30_000 } },
        { id: 'web', command: ['node', 'web.js'], stop: { ask: 10_000, insist: 5_000 } },
      ],
      backoff: { initial: 100, factor: 2 },
    },
    options,
  );
}

/** The services with fake bodies. `script` says what each body does; `reports` is what the tree reported, with the time of the clock. */
function createRig(script: FakeScript = {}) {
  const clock = createVirtualClock();
  const driver = createFakeDriver(clock, script);
  // Chance is an option too: with 0 no delay is shortened by its jitter.
  const tree = createServices({ clock, driver, random: () => 0 });
  const reports: string[] = [];
  tree.subscribe(['started', 'exited', 'restarting'], (report) => reports.push(`${clock.now()} ${toText(report)}`));
  return { clock, driver, tree, reports };
}

describe('the services', () => {
  it('start the web server when the database is ready, not before', async () => {
    const { clock, driver, tree } = createRig({ 'root/db': { readyIn: 2_000 } });
    await using _ = tree;
    const started = tree.start();
    await clock.advance(1_999);
    expect(tree.agent('db').view().state).toBe('spawning');
    expect(driver.starts('root/web')).toBe(0);
    await clock.advance(1);
    await started;
    expect(tree.agent('web').view().state).toBe('running');
  });

  it('do not start at all when the database is not ready in time', async () => {
    const { clock, tree } = createRig({ 'root/db': { readyIn: 60_000 } });
    await expect(clock.until(tree.start())).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    expect(clock.now()).toBeGreaterThanOrEqual(30_000);
  });

  it('start a crashed web server again, after a longer delay each time', async () => {
    const { clock, driver, tree, reports } = createRig();
    await using _ = tree;
    await clock.until(tree.start());
    driver.crash('root/web', { code: 3 });
    await clock.until(tree.agent('web').waitFor('running'));
    driver.crash('root/web', { code: 3 });
    await clock.until(tree.agent('web').waitFor('running'));
    expect(reports.filter((line) => line.includes('root/web'))).toEqual([
      '0 root/web started, pid 100002',
      '0 root/web exited: exit code 3',
      '0 root/web restarts in 100 ms after exit code 3 (4 left)',
      '100 root/web started, pid 100003',
      '100 root/web exited: exit code 3',
      '100 root/web restarts in 200 ms after exit code 3 (3 left)',
      '300 root/web started, pid 100004',
    ]);
  });

  it('kill a web server that ignores its stop signal, after fifteen seconds', async () => {
    const { clock, driver, tree } = createRig({ 'root/web': { ignoresStop: true } });
    await clock.until(tree.start());
    const { clean } = await clock.until(tree.stop());
    expect(clean).toBe(true);
    const calls = driver.calls.filter(({ path, call }) => path === 'root/web' && call !== 'start');
    expect(calls.map(({ at, call }) => [at, call])).toEqual([
      [0, 'ask'],
      [10_000, 'ask'],
      [15_000, 'kill'],
    ]);
  });
});
