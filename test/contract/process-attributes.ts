import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import { DRIVER_PROMISES, type Promiser } from '../../src/drivers/promises.js';
import type { ProcessOptions } from '../../src/model/process.js';
import { begin, endedByItself, eventually, orderFor } from './recorder.js';

const isRoot = process.geteuid?.() === 0;

/** The attributes that an agent may ask for, or for a driver that cannot give them, that it says so. */
export function processAttributes(name: Promiser, driver: Driver): void {
  const reason = DRIVER_PROMISES.attributes[name];

  describe(`the ${name} driver and the attributes of a process`, () => {
    /** What a shell with these options prints. */
    async function printed(options: ProcessOptions, script: string): Promise<string> {
      const started = begin(driver, orderFor({ command: ['sh', '-c', script], ...options }));
      await endedByItself(started);
      return started.recorder.text() + started.recorder.text('stderr');
    }

    async function problem(options: ProcessOptions, command: readonly string[] = ['true']): Promise<string> {
      const { recorder } = begin(driver, orderFor({ command, ...options }));
      return (await recorder.until('SPAWN_FAILED')).detail;
    }

    if (reason !== true) {
      it.each<ProcessOptions>([
        { user: 'root' },
        { group: 0 },
        { umask: '000' },
        { nice: 0 },
        { oomScoreAdj: 0 },
        { rlimits: { nofile: 64 } },
      ])('refuses %j', async (options) => {
        expect(await problem(options)).toBe(
          `${Object.keys(options)[0]} is not possible with the driver ${name}: ${reason}`,
        );
      });
      return;
    }

    it('sets the umask, for one agent alone', async () => {
      const before = await printed({}, 'umask');
      expect(await printed({ umask: '027' }, 'umask')).toBe('0027\n');
      expect(await printed({}, 'umask')).toBe(before);
    });

    it('raises the niceness, of its children too, for one agent alone', async () => {
      const own = getPriority();
      expect(await printed({ nice: own + 3 }, 'nice; (nice)')).toBe(`${own + 3}\n${own + 3}\n`);
      expect(await printed({}, 'nice')).toBe(`${own}\n`);
    });

    it('sets limits of resources, for one agent alone', async () => {
      const script = 'grep -E "open files|core file|file locks" /proc/self/limits | tr -s " "';
      const before = await printed({}, script.replace('|file locks', ''));
      const limits = { nofile: { soft: 64, hard: 128 }, core: 0 } as const;
      expect(await printed({ rlimits: limits }, script)).toMatch(/core file size 0 0 bytes.*open files 64 128 files/s);
      expect(await printed({}, script.replace('|file locks', ''))).toBe(before);
    });

    it('raises how soon it is killed when memory runs out, for one agent alone', async () => {
      const before = await printed({}, 'cat /proc/self/oom_score_adj');
      expect(await printed({ oomScoreAdj: 700 }, 'cat /proc/self/oom_score_adj')).toBe('700\n');
      expect(await printed({}, 'cat /proc/self/oom_score_adj')).toBe(before);
    });

    it.each([
      ['nice', getPriority() - 1, 'nice'],
      ['oomScoreAdj', -5, 'cat /proc/self/oom_score_adj'],
    ] as const)('lowers %s, or says that the system refuses it', async (option, value, script) => {
      const started = begin(driver, orderFor({ command: ['sh', '-c', script], [option]: value }));
      await eventually(() => started.recorder.isOver, 'an end');
      const refused = started.recorder.get('SPAWN_FAILED')?.detail;
      if (refused === undefined) expect(started.recorder.text()).toBe(`${value}\n`);
      else
        expect(refused).toMatch(
          new RegExp(`^${option} must not be lower than that of the supervisor .*, got ${value}$`),
        );
    });

    it.runIf(isRoot)('becomes another user with its groups and variables, and can still be ended', async () => {
      const script = 'id -u; id -g; id -G; echo $HOME $USER $LOGNAME; echo up; exec sleep 300';
      const started = begin(driver, orderFor({ command: ['sh', '-c', script], user: 'nobody', umask: '077', nice: 5 }));
      await started.recorder.printed('up');
      expect(started.recorder.text()).toMatch(/^65534\n65534\n65534\n\/nonexistent nobody nobody\n/);
      started.body.freeze();
      await started.recorder.until('FROZEN');
      started.body.ask('SIGTERM');
      await started.recorder.ended();
      expect(started.recorder.get('EXITED')).toMatchObject({ signal: 'SIGTERM', empty: true });
    });

    it.runIf(isRoot)(
      'takes a uid without an account, a group alone, and variables of the spec before those of the user',
      async () => {
        expect(await printed({ user: 54_321 }, 'id -u; id -g; id -G')).toBe('54321\n54321\n54321\n');
        expect(await printed({ group: 'daemon' }, 'id -u; id -g; id -G')).toBe('0\n1\n1\n');
        const order = orderFor({ command: ['sh', '-c', 'echo $HOME'], user: 'nobody', env: { HOME: '/own' } });
        const started = begin(driver, order);
        await endedByItself(started);
        expect(started.recorder.text()).toBe('/own\n');
      },
    );

    it('names what is wrong before a chain of programs is started', async () => {
      expect(await problem({ user: 'no-such-user' })).toBe(
        'user must be a name in /etc/passwd, or a uid, got "no-such-user"',
      );
      expect(await problem({ group: 'no-such-group' })).toBe(
        'group must be a name in /etc/group, or a gid, got "no-such-group"',
      );
      expect(await problem({ rlimits: { core: 0 } }, ['no-such-program'])).toBe('command no-such-program not found');
      expect(await problem({ rlimits: { core: 0 } }, ['/etc/passwd'])).toBe('/etc/passwd is not executable');
      expect(await problem({ nice: 19 }, ['no-such-program'])).toBe('command no-such-program not found');
    });
  });
}
