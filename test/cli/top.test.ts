import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { row, supertree } from './fake-host.js';
import { ask, launch, type Process, scratch, shell, until } from './process.js';

const PATIENCE = 90_000;

const ROWS = [
  row('root/calm', { usage: { cpu: 0.5, memory: 9_000_000 }, restarts: 2 }),
  row('root/busy', { usage: { cpu: 90, memory: 1_000_000 } }),
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
    expect(result.out.split('\n')[0]).toBe('3 agents: 2 running, 1 stopped; cpu 90.5%, memory 10.0 MB');
    expect(order(result.out)).toEqual(ids);
    expect(result.seen).toEqual([{ name: 'ps', params: { usage: true } }]);
  });

  it('prints one table after another where there is no terminal', async () => {
    const result = await supertree(['top', '-n', '3', '--interval', '1'], { answers: { ps: () => ROWS } });
    expect(order(result.out)).toHaveLength(9);
    expect(result.out).not.toContain('\x1b');
  });

  it('draws over what was there on a terminal, and leaves it as it was', async () => {
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

  it('refuses what it does not understand', async () => {
    for (const argv of [['--sort', 'size'], ['-n', '0'], ['--interval', 'x'], ['web']]) {
      expect(await supertree(['top', ...argv])).toMatchObject({ code: 2, out: '' });
    }
  });
});

describe('supertree top in a terminal', { timeout: PATIENCE }, () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let server: Process;

  beforeAll(async () => {
    place = await scratch();
    server = launch(['serve'], { endpoint: place.endpoint });
    await until(async () => (await ask(['health'], place.endpoint)).code === 0);
    await ask(['spawn', 'web', '--', 'sleep', '1000'], place.endpoint);
  }, PATIENCE);

  afterAll(async () => {
    server.child.kill('SIGTERM');
    await server.finished;
    await place.remove();
  }, PATIENCE);

  it('shows the agents, and q ends it', async () => {
    const { code, out } = await inTerminal('q', 'top --interval 200', place.endpoint);
    expect(code).toBe(0);
    expect(out).toContain('1 agent: 1 running');
    expect(out).toContain('root/web');
    expect(out.trimEnd().endsWith('\x1b[?1049l')).toBe(true);
  });

  it('ends with Ctrl-C too, and goes on without a keyboard', async () => {
    expect((await inTerminal('\x03', 'top --interval 200', place.endpoint)).code).toBe(0);
    const plain = await ask(['top', '-n', '2', '--interval', '1'], place.endpoint);
    expect(order(plain.out)).toEqual(['web', 'web']);
  });
});

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const HAS_SCRIPT = spawnSync('script', ['--version']).status === 0;

/** Runs a command line in a terminal of its own, and types `keys` once something is to be seen; without script(1), in no terminal. */
async function inTerminal(keys: string, line: string, endpoint: string): Promise<{ code: number | null; out: string }> {
  if (!HAS_SCRIPT) {
    const { code, out } = await ask([...line.split(' '), '-n', '1'], endpoint);
    return { code, out: `${out}\x1b[?1049l` };
  }
  const type = `for i in $(seq 300); do grep -q web "$log" && break; sleep 0.1; done; printf '${keys}'; sleep 1`;
  const program = `stty rows 24 cols 160; ${process.execPath} --import tsx ${MAIN} ${line}`;
  const script = `log=$(mktemp); (${type}) | TERM=xterm script -qefc "${program}" "$log" > /dev/null; code=$?; cat "$log"; rm "$log"; exit $code`;
  const { code, out } = await shell(script, endpoint);
  return { code, out: out.replace(/\r?\nScript done.*/s, '') };
}
