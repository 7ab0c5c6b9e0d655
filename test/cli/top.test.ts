import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { LinkState } from '../../src/client/client.js';
import { SupertreeError } from '../../src/errors.js';
import { begin, row, supertree } from './fake-host.js';

const ROWS = [
  row('root/calm', { usage: { cpu: 0.5, memory: 9_000_000, measure: 'pss' }, restarts: 2 }),
  row('root/busy', { usage: { cpu: 90, memory: 1_000_000, measure: 'rss' } }),
  row('root/down', { usage: null, state: 'stopped', pid: null, restarts: 7 }),
];

/** The ids in the order in which the table has them. */
function order(out: string): string[] {
  return [...out.matchAll(/^root\/(\w+)/gm)].map(([, id]) => id ?? '');
}

describe('supertree top', () => {
  it.each([
    [[], ['busy', 'calm', 'down']],
    [
      ['--sort', 'cpu'],
      ['busy', 'calm', 'down'],
    ],
    [
      ['--sort', 'memory'],
      ['calm', 'busy', 'down'],
    ],
    [
      ['--sort', 'restarts'],
      ['down', 'calm', 'busy'],
    ],
    [
      ['--sort', 'path'],
      ['busy', 'calm', 'down'],
    ],
  ])('shows the most of what it is sorted by first: %j', async (options, ids) => {
    const result = await supertree(['top', '-n', '1', ...options], { answers: { ps: () => ROWS } });
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out.split('\n')[0]).toMatch(
      /^\d\d:\d\d:\d\d {2}3 agents: 2 running, 1 stopped; cpu 90\.5%, memory 10\.0 MB$/,
    );
    expect(order(result.out)).toEqual(ids);
    expect(result.seen).toEqual([{ name: 'ps', params: { usage: true } }]);
  });

  it('prints one table after another where there is no terminal', async () => {
    const result = await supertree(['top', '-n', '3', '--interval', '1'], { answers: { ps: () => ROWS } });
    expect(order(result.out)).toHaveLength(9);
    expect(result.out).not.toContain('\x1b');
  });

  it('draws over the screen of a terminal, and restores it', async () => {
    const setup = { answers: { ps: () => ROWS }, terminal: true, columns: 200 };
    const { out } = await supertree(['top', '-n', '2', '--interval', '1'], setup);
    expect(out.startsWith('\x1b[?1049h\x1b[?25l\x1b[H')).toBe(true);
    expect(out.endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    expect(out.split('\x1b[H')).toHaveLength(3);
  });

  it('prints one document a line with --json', async () => {
    const argv = ['top', '-n', '2', '--interval', '1', '--sort', 'path', '--json'];
    const { out } = await supertree(argv, { answers: { ps: () => ROWS }, terminal: true });
    const documents = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(documents).toHaveLength(2);
    expect(documents[0]).toEqual({ at: 1_700_000_000_000, agents: [ROWS[1], ROWS[0], ROWS[2]] });
  });

  it('refuses invalid options', async () => {
    for (const argv of [['--sort', 'size'], ['-n', '0'], ['--interval', 'x'], ['--interval', '99999999999'], ['web']]) {
      expect(await supertree(['top', ...argv])).toMatchObject({ code: 2, out: '' });
    }
  });
});

/** The lines of the last frame, as a terminal shows them. */
function frame(out: string): string[] {
  const last = out.split('\x1b[H').at(-1)?.replace('\x1b[?25h\x1b[?1049l', '') ?? '';
  return stripVTControlCharacters(last).split('\r\n');
}

describe('supertree top where there is no terminal', () => {
  it('reports on standard error that the server is lost', async () => {
    const link = { state: 'connected' as LinkState, reconnections: 0 };
    const running = begin(['top', '--json'], { answers: { health: () => ({}) }, link });
    await expect.poll(() => running.seen.length).toBe(1);
    link.state = 'reconnecting';
    await expect.poll(running.err).toMatch(/^\S+ Connection lost: .*\n$/);
    link.state = 'connected';
    await expect.poll(running.err).toMatch(/Connected again\.\n$/);
    running.interrupt('SIGINT');
    expect(await running.result).toMatchObject({ code: 130, out: '' });
  });
});

describe('supertree top on a small terminal', () => {
  const many = Array.from({ length: 40 }, (_, index) =>
    row(`root/some-long-group/agent-${String(index).padStart(2, '0')}`, { ports: { http: 8100 + index } }),
  );
  const small = { terminal: true, columns: 80, rows: 24 };
  const path = ['top', '--sort', 'path'];

  it('cuts each line, omits the least important columns, and shows the number of hidden agents', async () => {
    const { out } = await supertree([...path, '-n', '1'], { answers: { ps: () => many }, ...small });
    const lines = frame(out);
    expect(lines).toHaveLength(24);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}40 agents: 40 running/);
    expect(lines[2]).toMatch(/^PATH .* STATE .* PID .* RESTARTS .* CPU .* MEMORY .* SINCE$/);
    expect(lines[3]).toMatch(/^root\/some-long-group\/agent-00 /);
    expect(lines[23]).toBe('... and 20 more');
  });

  it('leaves out no column that there is room for', async () => {
    const titles = async (columns: number) =>
      frame((await supertree([...path, '-n', '1'], { answers: { ps: () => many }, ...small, columns })).out)[2];
    expect(await titles(200)).toMatch(/UUID .*PORTS .*HEALTH/);
    expect(await titles(110)).toMatch(/^(?!.*UUID).*PORTS .*HEALTH/);
    expect(await titles(90)).toMatch(/^(?!.*(UUID|HEALTH)).*PORTS/);
    expect((await titles(30))?.length).toBeLessThanOrEqual(30);
  });

  it('is redrawn at once when the terminal is resized', async () => {
    const running = begin([...path, '--interval', '60000'], { answers: { ps: () => many }, ...small });
    await expect.poll(() => frame(running.out()).at(-1)).toBe('... and 20 more');
    running.resize(60, 14);
    await expect.poll(() => frame(running.out()).at(-1)).toBe('... and 30 more');
    running.interrupt('SIGINT');
    await running.result;
    expect(running.seen).toHaveLength(1);
  });

  it('keeps the last rows with their time while a server does not answer', async () => {
    let asked = 0;
    const ps = () => (asked++ === 0 ? many : new Promise(() => undefined));
    const running = begin([...path, '--interval', '1'], { answers: { ps }, ...small });
    await expect.poll(() => frame(running.out())[0]).toMatch(/^no answer since \d\d:\d\d:\d\d {2}40 agents/);
    expect(frame(running.out())[3]).toMatch(/agent-00/);
    running.interrupt('SIGINT');
    await running.result;
  });

  it('keeps the last rows when the server is gone, and updates them when it is back', async () => {
    let asked = 0;
    const ps = () => {
      if (++asked === 1) return many;
      if (asked === 2) throw new SupertreeError('NO_SERVER', { endpoint: 'ipc:///tmp/x' });
      return many.slice(1);
    };
    const { out } = await supertree([...path, '-n', '3', '--interval', '1'], { answers: { ps }, ...small });
    const heads = out.split('\x1b[H').map((part) => stripVTControlCharacters(part).split('\r\n')[0]?.trim());
    expect(heads.slice(1)).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d {2}40 agents/),
      expect.stringMatching(/^no answer since \d\d:\d\d:\d\d {2}40 agents/),
      expect.stringMatching(/^\d\d:\d\d:\d\d {2}39 agents/),
    ]);
  });
});
