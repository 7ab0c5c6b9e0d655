import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';

/*
 * The floor: what anybody would write without a supervisor. A process is spawned with three pipes, which are drained, and nothing is known of it
 * but that it runs.
 */

/** What all process agents run, here and there. */
export const SLEEP = ['sleep', '600'] as const;

/** Spawns one; `onReady` is called when it runs. */
export function bareSpawn(onReady: () => void, command: readonly string[] = SLEEP): ChildProcess {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.once('spawn', onReady);
  child.stdout.on('data', ignore);
  child.stderr.on('data', ignore);
  return child;
}

/** Spawns `count` of them and resolves when all run: in one go, or one in each turn of the event loop. */
export async function bareSpawnAll(count: number, yielding: boolean): Promise<ChildProcess[]> {
  const children: ChildProcess[] = [];
  let ready = 0;
  const all = new Promise<void>((resolve) => {
    const onReady = () => void (++ready === count && resolve());
    void spawnEach(count, yielding, () => children.push(bareSpawn(onReady)));
  });
  await all;
  return children;
}

async function spawnEach(count: number, yielding: boolean, spawnOne: () => void): Promise<void> {
  for (let n = 0; n < count; n++) {
    spawnOne();
    if (yielding) await nextTurn();
  }
}

/** Kills them all and resolves when all are reaped. */
export async function bareKillAll(children: readonly ChildProcess[]): Promise<void> {
  const ends = children.filter((child) => child.exitCode === null && child.signalCode === null);
  const reaped = ends.map((child) => once(child, 'exit'));
  for (const child of ends) child.kill('SIGKILL');
  await Promise.all(reaped);
}

function ignore(): void {}
