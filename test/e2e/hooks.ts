import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { driverNamed, IMMEDIATE_RESTARTS, LONG_STAGES, sh, sleeper, started, world } from './world.js';

const UP = { type: 'log', pattern: '^up$' } as const;

/** What has failed waits for a restart that is far away. */
const ONE_START = {
  maxRestarts: 3,
  within: 3_600_000,
  backoff: { initial: 600_000, max: 600_000, jitter: 0 },
} as const;

/** The hooks of agents below a driver. */
export function hookTests(driver: 'keeper' | 'local'): void {
  describe(`the hooks of an agent below the driver ${driver}`, () => {
    it('run around each incarnation, with the directory and the environment of the agent', async () => {
      const show = (name: string) =>
        sh(
          `cat; echo "${name} $A $PWD $SUPERTREE_INCARNATION {id} $SUPERTREE_EXIT_CAUSE/$SUPERTREE_EXIT_CODE/$SUPERTREE_EXIT_SIGNAL"`,
        );
      const command = sh('echo up; read code; exit $code');
      const hooks = { beforeStart: show('before'), afterEnd: show('after') };
      const agent = sleeper('a', { command, hooks, readiness: UP, cwd: '/usr', env: { A: 'one' } });
      const w = await started({ ...IMMEDIATE_RESTARTS, children: [agent] }, driverNamed(driver));
      await w.tree.agent('a').write('3\n');
      await w.reported('ready', 'root/a', 2);
      await w.tree.agent('a').stop();
      expect(
        w
          .text('a')
          .split('\n')
          .filter((line) => line !== 'up' && line !== ''),
      ).toEqual([
        'before one /usr 1 a //',
        'after one /usr 1 a exit/3/',
        'before one /usr 2 a //',
        'after one /usr 2 a command//SIGTERM',
      ]);
      expect(w.states('root/a')).toEqual([
        'spawning',
        'running',
        'stopping',
        'failed',
        'spawning',
        'running',
        'stopping',
        'stopped',
      ]);
    });

    it('fail the start by a code, a signal or a command that does not exist, with their last line', async () => {
      const failing = async (beforeStart: string[]) => {
        const w = world(
          { children: [sleeper('a', { hooks: { beforeStart }, restart: 'temporary' })] },
          driverNamed(driver),
        );
        await expect(w.tree.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
        const { exit } = await w.reported('exited', 'root/a');
        expect(exit).toMatchObject({ cause: 'spawn-error', pid: null, code: null });
        return [exit.detail, exit.tail];
      };
      expect(await failing(sh('echo out; echo why >&2; exit 3'))).toEqual([
        'its hook beforeStart ended with code 3: why',
        ['why'],
      ]);
      expect(await failing(sh('kill -9 $$'))).toEqual(['its hook beforeStart ended with SIGKILL', []]);
      expect(await failing(['no-such-command'])).toEqual([
        'its hook beforeStart did not start: command no-such-command not found',
        [],
      ]);
    });

    it('are asked to end by a stop, and killed by their time limit and by a kill, with all that they have started', async () => {
      const slow = (more = '') => sh(`${more}; setsid sleep 300 & echo hook; while :; do sleep 0.2; done`);
      const hookOf = (id: string, beforeStart: string[], timeout: number) =>
        sleeper(id, { hooks: { beforeStart, timeout } });
      const children = [
        hookOf('cleans', slow('trap "echo cleaned; exit 1" TERM'), 60_000),
        hookOf('ignores', slow('trap "" TERM'), 5000),
        hookOf('killed', slow('trap "" TERM'), 60_000),
        hookOf('late', slow('trap "" TERM'), 5000),
      ];
      const w = world({ ...ONE_START, start: 'parallel', boot: 'retry', children }, driverNamed(driver));
      const boot = w.tree.start().catch(() => {});
      for (const { id } of children) await w.printed(id, 'hook');
      expect(w.view('killed').detail).toBe('spawning.preparing');
      await Promise.all([w.tree.agent('cleans').stop(), w.tree.agent('ignores').stop(), w.tree.agent('killed').kill()]);
      for (const id of ['cleans', 'ignores', 'killed']) expect(w.view(id).state).toBe('stopped');
      expect(w.text('cleans')).toContain('cleaned\n');
      const { exit } = await w.reported('exited', 'root/late');
      expect(exit).toMatchObject({ cause: 'spawn-error', detail: 'its hook beforeStart did not end within 5000 ms' });
      await boot;
      await w.becomes('late', 'failed');
      expect(w.members()).toEqual([]);
    });

    it('after the end are ended by a stop as well, and their failure is reported and changes nothing', async () => {
      const hooks = { afterEnd: sh('echo hook; sleep 300'), timeout: 60_000 };
      const once = sleeper('a', {
        command: sh('echo up; sleep 0.2; exit 0'),
        readiness: UP,
        restart: 'transient',
        hooks,
      });
      const failing = sleeper('b', { stop: LONG_STAGES, hooks: { afterEnd: sh('exit 9') } });
      const w = await started({ children: [once, failing] }, driverNamed(driver));
      w.expected = /its hook afterEnd (was ended by a stop: hook|ended with code 9)/;
      await w.printed('a', 'hook');
      expect(w.view('a')).toMatchObject({ state: 'stopping', detail: 'stopping.concluding', exit: { code: 0 } });
      await w.tree.agent('a').stop();
      expect(w.view('a').state).toBe('stopped');
      await w.tree.agent('b').stop();
      expect(w.view('b')).toMatchObject({ state: 'stopped', exit: { signal: 'SIGTERM' } });
      expect(w.all('error')).toHaveLength(2);
    });

    it('run once after each incarnation: after a crash, a kill, a failed start and a stop', async () => {
      const hooks = { afterEnd: sh('echo after $SUPERTREE_INCARNATION $SUPERTREE_EXIT_CAUSE >&2') };
      const agent = sleeper('a', { command: sh('echo err >&2; echo up; exec sleep 300'), hooks, readiness: UP });
      const unready = sleeper('b', { command: sh('exit 0'), readiness: UP, hooks });
      const unfound = sleeper('c', { command: ['no-such-command'], hooks });
      const failing = {
        id: 'g',
        ...ONE_START,
        boot: 'retry',
        start: 'parallel',
        children: [unready, unfound],
      } as const;
      const w = world({ ...IMMEDIATE_RESTARTS, start: 'parallel', children: [agent, failing] }, driverNamed(driver));
      const boot = w.tree.start().catch(() => {});
      await w.reported('ready', 'root/a');
      process.kill(w.pid('a'), 'SIGKILL');
      await w.reported('ready', 'root/a', 2);
      await w.tree.agent('a').kill();
      await w.tree.agent('a').start();
      await w.tree.agent('a').stop();
      const ofHook = (ref: string) =>
        w
          .text(ref)
          .split('\n')
          .filter((line) => line.startsWith('after'));
      expect(ofHook('a')).toEqual(['after 1 signal', 'after 2 command', 'after 3 command']);
      expect(w.view('a').exit?.tail).toEqual(['err']);
      for (const [id, cause] of [
        ['b', 'exit'],
        ['c', 'spawn-error'],
      ] as const) {
        await w.becomes(id, 'failed');
        expect(ofHook(id)).toEqual([`after 1 ${cause}`]);
      }
      await w.tree.stop();
      await boot;
    });

    it('never run while the agent or the other hook runs, in a pool and at a restart of all', async () => {
      const alone = (what: string, more: string) =>
        sh(`mkdir $DIR/$SUPERTREE_AGENT_ID || echo ${what} is not alone; ${more}; rmdir $DIR/$SUPERTREE_AGENT_ID`);
      const hooks = { beforeStart: alone('before', 'sleep 0.05'), afterEnd: alone('after', 'sleep 0.05') };
      const command = sh(
        'mkdir $DIR/$SUPERTREE_AGENT_ID || echo agent is not alone; trap "rmdir $DIR/$SUPERTREE_AGENT_ID; exit 3" TERM; echo up; while :; do sleep 0.1; done',
      );
      const directory = mkdtempSync(join(tmpdir(), 'supertree-hooks-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const agent = { command, hooks, readiness: UP, env: { DIR: directory }, stop: LONG_STAGES };
      const group = { id: 'g', strategy: 'one_for_all', ...IMMEDIATE_RESTARTS } as const;
      const children = [
        {
          ...group,
          children: [
            { ...agent, id: 'a' },
            { ...agent, id: 'b' },
          ],
        },
        { id: 'p', ...IMMEDIATE_RESTARTS, pool: { size: 2, agent } },
      ];
      const w = await started({ children }, driverNamed(driver));
      for (const path of ['root/g/b', 'root/p/2']) {
        process.kill(w.pid(path), 'SIGTERM');
        await w.reported('ready', path, 2);
      }
      await w.reported('ready', 'root/g/a', 2);
      await w.tree.supervisor('root/g').terminate('a');
      await w.tree.supervisor('root/g').delete('a');
      await w.tree.stop();
      for (const path of ['root/g/b', 'root/p/1', 'root/p/2']) expect(w.text(path)).not.toContain('not alone');
      expect(readdirSync(directory)).toEqual([]);
    });

    it('are ended by the removal of their agent, and by the stop of the tree', async () => {
      const slow = sh('echo hook; exec sleep 300');
      const before = sleeper('before', { hooks: { beforeStart: slow } });
      const after = sleeper('after', { command: ['true'], hooks: { afterEnd: slow }, restart: 'transient' });
      const last = sleeper('last', { hooks: { beforeStart: slow } });
      const w = world({ start: 'parallel', boot: 'retry', children: [before, after, last] }, driverNamed(driver));
      w.expected = /its hook afterEnd was ended by a stop/;
      const boot = w.tree.start().catch(() => {});
      for (const id of ['before', 'after', 'last']) await w.printed(id, 'hook');
      for (const id of ['before', 'after']) {
        await w.tree.supervisor().terminate(id);
        await w.tree.supervisor().delete(id);
        expect(w.members(`root/${id}`)).toEqual([]);
      }
      await w.tree.stop();
      await boot;
      expect(w.members()).toEqual([]);
    });
  });
}
