import { describe, expect, it } from 'vitest';
import type { LineItem } from '../../../src/index.js';
import { codeOf } from '../../code-of.js';
import { sh, started } from '../../e2e/world.js';
import { createWorld, outcome, startWorld } from '../fake-world.js';

const AGENT = { id: 'a', command: ['program'] };

describe('waitFor', () => {
  it('resolves at once with the view of an agent that is in the state', async () => {
    const { tree } = await startWorld({ children: [AGENT] });
    expect(await tree.agent('a').waitFor('running')).toMatchObject({ path: 'root/a', state: 'running' });
  });

  it('sees a state that lasts no time', async () => {
    const { clock, driver, tree } = await startWorld({ children: [AGENT], backoff: { initial: 0 } });
    const failed = tree.agent('a').waitFor('failed');
    driver.crash('root/a');
    await clock.advance(1_000);
    expect(await failed).toMatchObject({ state: 'failed', incarnation: 1 });
    expect(tree.agent('a').view()).toMatchObject({ state: 'running', incarnation: 2 });
  });

  it('takes several states and resolves with the first that comes', async () => {
    const { clock, driver, tree } = await startWorld({ children: [{ ...AGENT, restart: 'transient' }] });
    const over = tree.agent('a').waitFor(['completed', 'failed']);
    driver.crash('root/a', { code: 0 });
    await clock.settle();
    expect((await over).state).toBe('completed');
  });

  it('waits over a restart of the supervisor', async () => {
    const inner = { id: 'inner', children: [AGENT, { id: 'b', command: ['program'] }], maxRestarts: 0 };
    const { clock, driver, tree } = await startWorld({ children: [inner] });
    const handle = tree.agent('a');
    const stopped = handle.waitFor('stopped');
    driver.crash('root/inner/b');
    await clock.settle();
    await stopped;
    const running = handle.waitFor('running');
    await clock.advance(1_000);
    expect(await running).toMatchObject({ incarnation: 2 });
  });

  it('rejects TIMEOUT by the clock of the tree, and with the reason of the signal', async () => {
    const { clock, tree } = await startWorld({ children: [AGENT] });
    const late = tree.agent('a').waitFor('failed', { timeout: 5_000 });
    expect(await outcome(clock, late)).toBe('pending');
    const failure = late.catch((thrown) => thrown.message);
    await clock.advance(5_000);
    expect(await failure).toBe('The wait for root/a to be failed was not done within 5000 ms.');
    const abort = new AbortController();
    const aborted = tree.agent('a').waitFor('failed', { signal: abort.signal });
    abort.abort(new Error('no more'));
    await expect(aborted).rejects.toThrow('no more');
    await expect(tree.agent('a').waitFor('failed', { signal: abort.signal })).rejects.toThrow('no more');
  });

  it('rejects INVALID_STATE when the agent is removed or its tree has ended in another state', async () => {
    const { clock, tree, driver } = await startWorld({
      children: [
        { ...AGENT, restart: 'temporary' },
        { ...AGENT, id: 'b' },
      ],
    });
    const [a, b] = [tree.agent('a'), tree.agent('b')];
    const [ofA, ofB] = [codeOf(a.waitFor('failed')), codeOf(b.waitFor('failed'))];
    driver.crash('root/a', { code: 0 });
    await clock.settle();
    void tree.stop();
    await clock.settle();
    expect([await ofA, await ofB]).toEqual(['INVALID_STATE', 'INVALID_STATE']);
    await expect(b.waitFor('running')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect((await b.waitFor('stopped')).state).toBe('stopped');
  });

  it('refuses unknown states', async () => {
    const { tree } = await startWorld({ children: [AGENT] });
    await expect(tree.agent('a').waitFor('up' as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await expect(tree.agent('a').waitFor([])).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});

describe('exit', () => {
  it('is bound to the incarnation that is under way when it is read', async () => {
    const { clock, driver, tree } = await startWorld({ children: [AGENT] });
    const handle = tree.agent('a');
    const first = handle.exit;
    driver.crash('root/a', { code: 3 });
    await clock.settle();
    expect(await first).toMatchObject({ incarnation: 1, code: 3 });
    expect(await handle.exit).toMatchObject({ incarnation: 1 });
    await clock.advance(1_000);
    const second = handle.exit;
    expect(await outcome(clock, second)).toBe('pending');
    driver.crash('root/a', { code: 4 });
    await clock.settle();
    expect([(await first).code, (await second).code]).toEqual([3, 4]);
  });

  it('waits until the process tree is gone', async () => {
    const script = { '*': { leavesChildren: true, unkillable: true } };
    const { clock, driver, tree } = await startWorld({ children: [AGENT] }, { script });
    const { exit } = tree.agent('a');
    driver.crash('root/a', { code: 3 });
    await clock.advance(60_000);
    expect(tree.agent('a').view().state).toBe('zombie');
    expect(await outcome(clock, exit)).toBe('pending');
    driver.release('root/a');
    await clock.settle();
    expect(await exit).toMatchObject({ incarnation: 1, code: 3 });
  });

  it('is the first end of an agent that has not run yet, and none of one that never does', async () => {
    const script = { 'root/a': { readyIn: 1_000 } };
    const slow = { ...AGENT, readiness: { type: 'notify' } } as const;
    const { clock, driver, tree } = createWorld({ children: [slow, { id: 'b', command: ['program'] }] }, { script });
    const booted = tree.start();
    await clock.settle();
    const { exit } = tree.agent('b');
    await clock.advance(2_000);
    await booted;
    driver.crash('root/b', { code: 9 });
    await clock.settle();
    expect(await exit).toMatchObject({ incarnation: 1, code: 9 });

    const other = createWorld({ children: [slow, { id: 'b', command: ['program'] }] }, { script });
    const overtaken = codeOf(other.tree.start());
    await other.clock.settle();
    const never = codeOf(other.tree.agent('b').exit);
    const stopping = other.tree.stop();
    await other.clock.advance(60_000);
    await stopping;
    expect([await overtaken, await never]).toEqual(['SUPERSEDED', 'INVALID_STATE']);
  });

  it('resolves with the end of a temporary agent that is removed by then', async () => {
    const w = await started({ children: [] });
    await w.tree
      .supervisor()
      .add({ id: 'once', command: sh('sleep 0.1; echo last >&2; exit 5'), restart: 'temporary' });
    const handle = w.tree.agent('once');
    expect(await handle.exit).toMatchObject({ code: 5, tail: ['last'] });
    expect(await handle.exit).toMatchObject({ code: 5 });
  });
});

describe('lines', () => {
  it('yields the lines in the ring, with text, and ends', async () => {
    const script = { '*': { output: ['one', { stream: 'stderr', line: 'two' } as const] } };
    const { tree } = await startWorld({ children: [AGENT] }, { script });
    expect(await texts(tree.agent('a').lines())).toEqual(['one', 'two']);
    expect(await texts(tree.agent('a').lines({ stream: 'stderr' }))).toEqual(['two']);
  });

  it('yields every later line until the tree has ended, over a restart', async () => {
    const { clock, driver, tree } = await startWorld({ children: [AGENT] });
    const all = texts(tree.agent('a').lines({ follow: true }));
    driver.say('root/a', 'one');
    await clock.settle();
    driver.crash('root/a');
    await clock.advance(1_000);
    driver.say('root/a', 'two');
    void tree.stop();
    await clock.settle();
    expect(await all).toEqual(['one', 'two']);
  });

  it('counts the lines that a slow reader has missed, and loses none that is in the ring', async () => {
    const { clock, driver, tree } = await startWorld({ children: [{ ...AGENT, output: { lines: 10 } }] });
    const lines = tree.agent('a').lines({ follow: true });
    driver.say('root/a', 'first');
    expect((await lines.next()).value).toMatchObject({ text: 'first', seq: 0 });
    for (let n = 1; n <= 1_000; n++) driver.say('root/a', `line ${n}`);
    void tree.stop();
    await clock.settle();
    const rest: LineItem[] = [];
    for await (const item of lines) rest.push(item);
    expect(rest[0]).toEqual({ type: 'dropped', lines: 990 });
    expect(rest.slice(1).map((item) => item.type === 'line' && item.text)).toEqual(
      Array.from({ length: 10 }, (_, n) => `line ${991 + n}`),
    );
  });

  it('continues from the `next` of a page, separately for each stream', async () => {
    const { driver, tree } = await startWorld({ children: [AGENT] });
    for (const text of ['a', 'b', 'c']) driver.say('root/a', text);
    driver.say('root/a', 'x', 'stderr');
    const { next } = tree.agent('a').output();
    driver.say('root/a', 'd');
    driver.say('root/a', 'y', 'stderr');
    expect(await texts(tree.agent('a').lines({ from: next }))).toEqual(['d', 'y']);
    expect(tree.agent('a').output({ from: next }).lines).toHaveLength(2);
  });

  it('ends when it is left, when the signal aborts, and while a line is waited for', async () => {
    const { driver, tree } = await startWorld({ children: [AGENT] });
    driver.say('root/a', 'one');
    for await (const item of tree.agent('a').lines({ follow: true })) if (item.type === 'line') break;
    const abort = new AbortController();
    const aborted = texts(tree.agent('a').lines({ follow: true, signal: abort.signal }));
    setTimeout(() => abort.abort(new Error('enough')), 1);
    await expect(aborted).rejects.toThrow('enough');
    const left = tree.agent('a').lines({ follow: true, from: 1 });
    const next = left.next();
    await left.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('ends after the last line of an agent that is removed', async () => {
    const w = await started({ children: [] });
    await w.tree
      .supervisor()
      .add({ id: 'once', command: sh('for n in 1 2 3; do echo $n; sleep 0.05; done; printf 4'), restart: 'temporary' });
    expect(await texts(w.tree.agent('once').lines({ follow: true }))).toEqual(['1', '2', '3', '4']);
  });
});

async function texts(lines: AsyncIterable<LineItem>): Promise<string[]> {
  const all: string[] = [];
  for await (const item of lines) all.push(item.type === 'line' ? item.text : `${item.lines} dropped`);
  return all;
}
