import { describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import { createFakePorts, createVirtualClock, type FakeLeaseScript } from '../../src/testing/index.js';

const HTTP = [{ name: 'http', preferred: null }];
const BOTH = [...HTTP, { name: 'admin', preferred: null }];

function open(script?: FakeLeaseScript, options?: Parameters<typeof createFakePorts>[2]) {
  const clock = createVirtualClock();
  return { clock, ports: createFakePorts(clock, script, options) };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'granted',
    (thrown: unknown) => (thrown instanceof SupertreeError ? thrown.code : String(thrown)),
  );
}

describe('fake ports', () => {
  it('grant all requested ports at once, lowest free first, and never one twice', async () => {
    const { clock, ports } = open();
    const all = Promise.all([ports.lease('root/a', 1, BOTH), ports.lease('root/b', 1, HTTP)]);
    await clock.settle();
    expect(await all).toEqual([{ http: 8100, admin: 8101 }, { http: 8102 }]);
    expect(ports.leases().map(({ port, path }) => `${port} ${path}`)).toEqual([
      '8100 root/a',
      '8101 root/a',
      '8102 root/b',
    ]);
  });

  it('grant after their time, or by grant()', async () => {
    const { clock, ports } = open({ '*': { grantsIn: 10 }, 'root/b': { grantsIn: Number.POSITIVE_INFINITY } });
    const [a, b] = [ports.lease('root/a', 1, HTTP), ports.lease('root/b', 1, HTTP)];
    await clock.advance(10);
    expect([await a, ports.asked()]).toEqual([{ http: 8100 }, [{ path: 'root/b', incarnation: 1, cancelled: false }]]);
    expect([ports.grant('root/b'), ports.grant('root/b'), await b]).toEqual([true, false, { http: 8101 }]);
  });

  it('answer the same to the same incarnation', async () => {
    const { clock, ports } = open();
    const first = ports.lease('root/a', 1, HTTP);
    expect(ports.lease('root/a', 1, HTTP)).toBe(first);
    await clock.settle();
    expect([await first, ports.leased('root/a')]).toEqual([{ http: 8100 }, 1]);
  });

  it('refuse by script, by refuse(), and when there are too few', async () => {
    const { clock, ports } = open({ 'root/a': { failsLease: 1 }, 'root/b': { grantsIn: 1e9 } }, { count: 1 });
    const codes = Promise.all([codeOf(ports.lease('root/a', 1, HTTP)), codeOf(ports.lease('root/c', 1, BOTH))]);
    await clock.settle();
    expect(await codes).toEqual(['PORTS_EXHAUSTED', 'PORTS_EXHAUSTED']);
    const b = codeOf(ports.lease('root/b', 1, HTTP));
    expect([ports.refuse('root/b'), await b, ports.leases()]).toEqual([true, 'PORTS_EXHAUSTED', []]);
  });

  it('cancel a lease under way that is released, and give nothing away for it', async () => {
    const { clock, ports } = open();
    const code = codeOf(ports.lease('root/a', 1, HTTP));
    ports.release('root/a', 1, true);
    await clock.settle();
    expect([await code, ports.leases()]).toEqual(['SUPERSEDED', []]);
  });

  it('keep a port in quarantine from other agents after an unclean end, but not from its own', async () => {
    const { clock, ports } = open({}, { quarantine: 100 });
    const lease = async (path: string, incarnation: number) => {
      const found = ports.lease(path, incarnation, HTTP);
      await clock.settle();
      return found;
    };
    await lease('root/a', 1);
    ports.release('root/a', 1, false);
    expect([await lease('root/b', 1), await lease('root/a', 2)]).toEqual([{ http: 8101 }, { http: 8100 }]);
    ports.release('root/a', 2, false);
    await clock.advance(100);
    expect(await lease('root/c', 1)).toEqual({ http: 8100 });
  });

  it('ignore the release of an incarnation that has none', async () => {
    const { clock, ports } = open();
    const lease = ports.lease('root/a', 2, HTTP);
    await clock.settle();
    await lease;
    ports.release('root/a', 1, true);
    ports.release('root/b', 1, true);
    expect(ports.leases()).toHaveLength(1);
  });
});
