import { describe, expect, it } from 'vitest';
import type { AgentInput } from '../../src/index.js';
import { eventually, fixture } from '../contract/recorder.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, sh, shareKeeper, sleeper, started, type World, world } from './world.js';

shareKeeper();

const finite = { restart: 'transient', stop: SHORT_ASK } as const;

async function completed(agent: AgentInput): Promise<World> {
  const w = world({ children: [agent] });
  await w.tree.start();
  await w.becomes(agent.id, 'completed');
  w.expectTrueStates();
  return w;
}

describe('output', () => {
  it('keeps bytes that are not UTF-8 exactly', async () => {
    const w = await completed({ id: 'a', command: ['printf', '\\377\\376\\000\\200\\n\\303(\\r\\n'], ...finite });
    const { lines } = w.tree.agent('a').output();
    const bytes = [
      [0xff, 0xfe, 0x00, 0x80, 0x0a],
      [0xc3, 0x28, 0x0d, 0x0a],
    ];
    expect(lines.map((line) => [...line.bytes])).toEqual(bytes);
    expect(lines.map((line) => line.partial)).toEqual([false, false]);
  });

  it('cuts a line of 10 MB into numbered parts, and keeps no more than its ring', async () => {
    const w = await completed({ id: 'a', command: fixture('long-line', 10_000_000), ...finite });
    const { lines, next } = w.tree.agent('a').output({ stream: 'stdout' });
    const kept = lines.reduce((sum, line) => sum + line.bytes.length, 0);
    expect(kept).toBeLessThanOrEqual(262_144);
    expect(next.stdout).toBe(Math.ceil(10_000_001 / 65_536));
    expect(lines.map((line) => line.seq)).toEqual(lines.map((_, n) => next.stdout - lines.length + n));
    expect(lines.every((line) => line.partial)).toBe(true);
    expect(lines.map((line) => line.bytes.at(-1) === 10).lastIndexOf(false)).toBe(lines.length - 2);
  });

  it('continues its numbers over incarnations, so that a cursor survives a restart', async () => {
    const command = sh(
      'echo "one of $SUPERTREE_INCARNATION"; echo "two of $SUPERTREE_INCARNATION"; printf rest; exec sleep 300',
    );
    const w = await started({ children: [sleeper('a', { command })] });
    const agent = w.tree.agent('a');
    await w.printed('a', 'two of 1');
    const cursor = agent.output().next.stdout;
    expect(cursor).toBe(2);
    const received: number[] = [];
    const end = agent.onOutput((line) => received.push(line.seq));
    await agent.restart();
    await w.printed('a', 'two of 2');
    const page = agent.output({ stream: 'stdout', from: cursor });
    expect(page.lines.map((line) => Buffer.from(line.bytes).toString())).toEqual(['rest', 'one of 2\n', 'two of 2\n']);
    expect(page).toMatchObject({ dropped: 0, next: { stdout: 5 } });
    expect(received).toEqual([2, 3, 4]);
    end();
    await agent.restart();
    await w.printed('a', 'two of 3');
    expect(received).toEqual([2, 3, 4]);
    w.expectTrueStates();
  });

  it('counts the lines that a reader has missed', async () => {
    const output = { lines: 10 };
    const command = sh('i=0; while [ $i -lt 100 ]; do echo $i; i=$((i+1)); done');
    const w = await completed({ id: 'a', command, output, ...finite });
    const page = w.tree.agent('a').output({ from: 0 });
    expect(page.dropped).toBe(90);
    expect(page.lines.map((line) => Buffer.from(line.bytes).toString().trim())).toEqual(
      Array.from({ length: 10 }, (_, n) => String(90 + n)),
    );
  });

  it('is not harmed by a listener that throws', async () => {
    const w = await started({ children: [{ id: 'a', command: fixture('echo'), stop: SHORT_ASK }] });
    w.expected = /^listener broke$/;
    const received: string[] = [];
    w.tree.agent('a').onOutput(() => {
      throw new Error('listener broke');
    });
    w.tree.agent('a').onOutput((line) => received.push(Buffer.from(line.bytes).toString()));
    await w.printed('a', 'up');
    await w.tree.agent('a').write('hello\n');
    await eventually(() => received.includes('hello\n'), 'the echo');
    expect(w.all('error', 'root/a').length).toBeGreaterThan(0);
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 1 });
  });
});

describe('standard input', () => {
  const reader = { id: 'a', command: fixture('echo'), ...finite };

  it('writes all accepted bytes in order, and closes after them', async () => {
    const w = await started({ children: [reader] });
    const agent = w.tree.agent('a');
    await w.printed('a', 'up');
    const sizes = Array.from({ length: 50 }, (_, n) => 10_000 + n);
    const written = await Promise.all(sizes.map((size) => agent.write(Buffer.alloc(size))));
    expect(written).toEqual(sizes);
    await agent.endInput();
    await expect(agent.write('more')).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
    await w.becomes('a', 'completed');
    expect(w.text('a')).toContain(`read ${sizes.reduce((sum, size) => sum + size)}`);
    await expect(agent.write('more')).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  it('refuses bytes above the limit when the agent does not read, and settles every write at its end', async () => {
    const w = await started({ children: [sleeper('a')] });
    const agent = w.tree.agent('a');
    const first = agent.write(Buffer.alloc(1_000_000)).catch((error: unknown) => error);
    await expect(agent.write(Buffer.alloc(100_000))).rejects.toMatchObject({ code: 'STDIN_FULL' });
    await agent.stop();
    expect(await first).toMatchObject({ code: 'STDIN_CLOSED' });
    await expect(agent.write('late')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    w.expectTrueStates();
  });

  it('is that of the living incarnation', async () => {
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [{ ...reader, restart: 'permanent' }] });
    await w.printed('a', 'up');
    process.kill(w.pid('a'), 'SIGKILL');
    await w.reported('ready', 'root/a', 2);
    await w.tree.agent('a').write('to the second\n');
    await w.printed('a', 'to the second');
  });
});
