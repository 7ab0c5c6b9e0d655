import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Driver, Incarnation } from '../../src/drivers/driver.js';
import { environValue, isDefunct, listPids, readStat } from '../../src/drivers/proc/proc.js';
import type { Promiser } from '../../src/drivers/promises.js';
import { begin, eventually, fixture, orderFor, type Recorder, script } from './recorder.js';

/** How a driver finds, signals and ends the descendants of a process. */
export function processTree(name: Promiser, driver: Driver): void {
  describe(`the ${name} driver and the tree of a process`, () => {
    const family = async (kind: string, ...then: string[]) => {
      const order = orderFor({ command: script('family', kind, ...then) });
      const { body, recorder } = begin(driver, order);
      await recorder.printed('child ');
      return { body, heard: recorder, token: order.token, child: Number(/child (\d+)/.exec(recorder.text())![1]) };
    };

    for (const kind of ['group', 'session', 'daemon']) {
      it(`finds and ends a child of kind ${kind} that the main process leaves behind`, async () => {
        const { body, heard: recorder, child } = await family(kind, 'leave');
        expect(await recorder.until('EXITED')).toMatchObject({ code: 0, empty: false });
        expect(body.inspect().map((blocker) => blocker.pid)).toEqual([child]);
        await eventually(() => body.inspect()[0]?.command === 'sleep 300', 'the command of the child');
        expect(recorder.get('GONE')).toBeUndefined();
        body.kill();
        await recorder.ended();
        expect(recorder.types().filter((type) => type !== 'DRAINED')).toEqual(['SPAWNED', 'EXITED', 'GONE']);
        expect(lives(child)).toBe(false);
      });

      it(`counts a child of kind ${kind} among the members that are measured`, async () => {
        const { body, heard: recorder, child } = await family(kind);
        const main = recorder.get('SPAWNED')?.pid;
        expect(body.members()).toEqual(expect.arrayContaining([main, child]));
        body.kill();
        await recorder.ended();
        expect(body.members()).toEqual([]);
      });

      it(`asks a child of kind ${kind} together with the main process`, async () => {
        const { body, heard: recorder, child } = await family(kind);
        expect(body.inspect().map((blocker) => blocker.pid)).toContain(child);
        body.ask('SIGTERM');
        await recorder.ended();
        expect(lives(child)).toBe(false);
      });
    }

    it('ends an orphan without session, parent or environment in common, because it was seen before', async () => {
      const { body, heard: recorder, child } = await family('bare');
      expect(environValue(child, 'SUPERTREE_TOKEN') ?? null).toBeNull();
      expect(body.inspect().map((blocker) => blocker.pid)).toContain(child);
      await new Promise<void>((resolve) => driver.whenCaughtUp!(resolve));
      process.kill(recorder.get('SPAWNED')!.pid!, 'SIGKILL');
      expect(await recorder.until('EXITED')).toMatchObject({ signal: 'SIGKILL', empty: false });
      body.ask('SIGTERM');
      await recorder.ended();
      expect(lives(child)).toBe(false);
    });

    it('emits GONE when the tree has ended after a stop request', async () => {
      const { body, heard: recorder } = await family('session', 'leave');
      await recorder.until('EXITED');
      body.ask('SIGTERM');
      await recorder.until('GONE');
      expect(body.inspect()).toEqual([]);
    });

    it('catches an agent whose children are always just being born', async () => {
      const order = orderFor({ command: script('forks-on') });
      const { body, recorder } = begin(driver, order);
      await recorder.printed('up');
      await eventually(() => bearers(order.token).length > 2, 'the children');
      body.kill();
      await recorder.ended();
      expect(bearers(order.token)).toEqual([]);
    });

    it('freezes a whole tree, whatever its sessions, and thaws it', async () => {
      const { body, heard: recorder, child } = await family('session');
      body.freeze();
      await recorder.until('FROZEN');
      const main = recorder.get('SPAWNED')!.pid!;
      expect([main, child].map((pid) => readStat(pid)?.state)).toEqual(['T', 'T']);
      body.thaw();
      await eventually(() => readStat(child)?.state === 'S' && readStat(main)?.state === 'S', 'both awake');
    });

    it('ends a frozen tree by asking', async () => {
      const { body, heard: recorder, child } = await family('session');
      body.freeze();
      await recorder.until('FROZEN');
      body.ask('SIGTERM');
      await recorder.ended();
      expect(lives(child)).toBe(false);
    });

    it('freezes again after a thaw has overtaken a freeze', async () => {
      const { body, heard: recorder } = await family('group');
      body.freeze();
      body.thaw();
      body.freeze();
      await recorder.until('FROZEN');
      expect(recorder.types()).toEqual(['SPAWNED', 'FROZEN']);
    });

    it('fails to freeze an exited process', async () => {
      const { body, heard: recorder } = await family('session', 'leave');
      await recorder.until('EXITED');
      body.freeze();
      expect((await recorder.until('FREEZE_FAILED')).detail).toBe('it is not running');
      await ended(body, recorder);
    });

    for (const [how, code] of [
      ['exit', 7],
      ['throw', 1],
    ] as const) {
      it(`leaves nothing behind when the program that embeds it ends with ${how}`, async () => {
        const [program, ...args] = fixture('embeds-driver', how, name);
        const host = spawn(program!, args, { stdio: ['ignore', 'pipe', 'ignore'] });
        let output = '';
        host.stdout.on('data', (bytes) => {
          output += bytes;
        });
        const exit = await new Promise((resolve) => host.on('close', resolve));
        const pids = output.trim().split(' ').slice(1).map(Number);
        expect(exit).toBe(code);
        expect(pids).toHaveLength(3);
        await eventually(() => pids.every((pid) => !lives(pid)), 'the end of all agents');
      });
    }
  });
}

async function ended(body: Incarnation, recorder: Recorder): Promise<void> {
  body.kill();
  await recorder.ended();
}

function lives(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !isDefunct(stat);
}

function bearers(token: string): number[] {
  return (listPids() ?? []).filter((pid) => environValue(pid, 'SUPERTREE_TOKEN') === token);
}
