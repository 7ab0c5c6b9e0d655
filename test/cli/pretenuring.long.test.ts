import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { PROGRAM } from '../program.js';
import { scratch } from './process.js';

/** Ignores the stop signal, so that each restart lasts until it is killed, a second later. */
const SLOW = { id: 'slow', command: ['sh', '-c', "trap '' TERM; exec sleep 1000"] };
const STOP = { ask: 1000, insist: 0 };

const LIMITS = { rate: 1e9, burst: 1e9, inFlight: 10_000 };

/**
 * What V8 wrote about the collections of its young generation: the survivors of each, as a share of what was allocated. Node 26 writes JSON, earlier
 * versions write pairs.
 */
function survivorsIn(trace: string): number[] {
  const young = trace.split('\n').filter((line) => / gc=s |"gc":"s"/.test(line));
  const numberIn = (line: string, name: string) => Number(new RegExp(`[ "]${name}"?[=:](\\d+)`).exec(line)?.[1]);
  return young.map((line) => numberIn(line, 'new_space_survived') / numberIn(line, 'allocated'));
}

async function ask(client: Client, count: number): Promise<void> {
  let asked = 0;
  const one = async () => {
    while (asked++ < count) await client.status('slow');
  };
  await Promise.all(Array.from({ length: 64 }, one));
}

describe('a server that had many pending requests', () => {
  it('keeps nothing of a later request until the next full garbage collection', async () => {
    const { path, endpoint, remove } = await scratch();
    const file = join(path, 'tree.json');
    await writeFile(file, JSON.stringify({ id: 'root', server: { endpoint, limits: LIMITS } }));
    const server = spawn(PROGRAM[0], ['--trace-gc-nvp', ...PROGRAM.slice(1), 'serve', file]);
    let trace = '';
    server.stdout.setEncoding('latin1').on('data', (text: string) => {
      trace += text;
    });
    const client = await connect({ endpoint, wait: 20_000 });
    await client.spawn({ ...SLOW, stop: STOP });
    await Promise.all(Array.from({ length: 1000 }, () => client.restart('slow')));
    await ask(client, 6_000);
    trace = '';
    await ask(client, 6_000);
    const survivors = survivorsIn(trace).sort((a, b) => a - b);
    expect(survivors.length).toBeGreaterThan(3);
    // With pretenuring 0.07 or more, without 0.02.
    expect(survivors[survivors.length >> 1]).toBeLessThan(0.04);
    await client.close();
    server.kill('SIGTERM');
    await once(server, 'exit');
    await remove();
  });
});
