import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { begin, endedByItself, eventually, orderFor, type Recorder, sharedDriver } from './recorder.js';

/** The bodies that a driver has to run for the contract; the two drivers make them of different stuff. */
export interface Subjects {
  /** Writes `up` and a line end to stdout, then runs until it is asked to stop. */
  readonly forever: AgentTemplate;
  /** Ends well by itself: code 0. */
  readonly completes: AgentTemplate;
  /** Ends badly by itself: code 1. */
  readonly fails: AgentTemplate;
  /** Writes `up` and runs on when it is asked to stop. */
  readonly ignoresStop: AgentTemplate;
  /** Writes `up`, then writes what it reads from standard input, lines only. */
  readonly echoes: AgentTemplate;
}

/** What a driver can do beyond the core: `true`, or the reason why it cannot. */
export interface Supports {
  /** kill() ends a body that ignores being asked, and GONE means that nothing of it runs. */
  readonly kill: true | string;
  /** A body has a pid and takes any signal. */
  readonly signals: true | string;
  readonly freeze: true | string;
  readonly stdin: true | string;
  /** The end of the input reaches the body. */
  readonly endOfInput: true | string;
}

/** The promises of driver.ts, for any driver. Differences are declared in `supports`, each with its reason. */
export function driverContract(name: string, makeDriver: () => Driver, subjects: Subjects, supports: Supports): void {
  describe(`the driver contract: ${name}`, () => {
    const driver = sharedDriver(makeDriver);
    const start = (input: AgentTemplate, incarnation = 1) => begin(driver, orderFor(input, incarnation));

    it('emits no fact before start has returned', async () => {
      const { recorder } = start(subjects.completes);
      expect(recorder.facts).toEqual([]);
      await recorder.ended();
    });

    it('emits SPAWNED, EXITED and then only the facts that EXITED does not carry', async () => {
      const { recorder } = start(subjects.completes);
      await recorder.ended();
      expect(recorder.types().slice(0, 2)).toEqual(['SPAWNED', 'EXITED']);
      expect(recorder.get('EXITED')).toMatchObject({ code: 0, signal: null, oom: false });
      expectEachOnce(recorder);
    });

    it('emits the exit code of a failure', async () => {
      const { recorder } = start(subjects.fails);
      await recorder.ended();
      expect(recorder.get('EXITED')).toMatchObject({ code: 1, signal: null });
    });

    it('carries the incarnation in every fact', async () => {
      const { recorder } = start(subjects.completes, 7);
      await recorder.ended();
      expect(new Set(recorder.facts.map((fact) => fact.incarnation))).toEqual(new Set([7]));
    });

    it('ends a body that is asked to stop', async () => {
      const { body, recorder } = start(subjects.forever);
      await recorder.printed('up');
      body.ask('SIGTERM');
      await recorder.ended();
      expect(recorder.types().slice(0, 2)).toEqual(['SPAWNED', 'EXITED']);
    });

    it('emits GONE alone for a body that was asked to stop before it ran', async () => {
      const { body, recorder } = start(subjects.forever);
      body.ask('SIGTERM');
      body.ask('SIGTERM');
      await recorder.ended();
      await settled(driver, subjects);
      expect(recorder.types()).toEqual(['GONE']);
    });

    it('emits GONE alone for a body that was killed before it ran', async () => {
      const { body, recorder } = start(subjects.forever);
      body.kill();
      body.kill();
      await recorder.ended();
      await settled(driver, subjects);
      expect(recorder.types()).toEqual(['GONE']);
    });

    it('does nothing and emits nothing after the last fact', async () => {
      const { body, recorder } = start(subjects.completes);
      await recorder.ended();
      const types = recorder.types();
      body.ask('SIGTERM');
      body.kill();
      body.freeze();
      body.thaw();
      body.endInput();
      body.drain();
      await settled(driver, subjects);
      expect(recorder.types()).toEqual(types);
      expect(body.inspect()).toEqual([]);
    });

    it('runs dozens of bodies at once', async () => {
      const all = Array.from({ length: 36 }, () => start(subjects.completes));
      await Promise.all(all.map(endedByItself));
      for (const { recorder } of all) expectEachOnce(recorder);
      expect(all.every(({ recorder }) => recorder.get('EXITED')?.code === 0)).toBe(true);
    });

    it('ends every body at close, and starts none after it', async () => {
      const closed = makeDriver();
      const startThere = () => begin(closed, orderFor(subjects.forever));
      const all = [startThere(), startThere()];
      await Promise.all(all.map(({ recorder }) => recorder.printed('up')));
      await closed.close();
      expect(all.every(({ recorder }) => recorder.isOver)).toBe(true);
      const late = startThere();
      await late.recorder.ended();
      expect(late.recorder.types()).toEqual(['SPAWN_FAILED']);
      await closed.close();
    });

    if (supports.kill === true)
      it('kills a body that ignores two stop requests', async () => {
        const { body, recorder } = start(subjects.ignoresStop);
        await recorder.printed('up');
        body.ask('SIGTERM');
        body.kill();
        body.kill();
        await recorder.ended();
        expectEachOnce(recorder);
        expect(body.inspect()).toEqual([]);
      });
    else
      it(`cannot kill a body that ignores a stop request: ${supports.kill}`, async () => {
        const { body, recorder } = start(subjects.ignoresStop);
        await recorder.printed('up');
        body.ask('SIGTERM');
        await settled(driver, subjects);
        expect(recorder.get('EXITED')).toBeUndefined();
        body.kill();
        await recorder.ended();
      });

    if (supports.signals === true)
      it('emits a pid, and the signal that ended it', async () => {
        const { body, recorder } = start(subjects.forever);
        await recorder.printed('up');
        expect(recorder.get('SPAWNED')?.pid).toBeGreaterThan(1);
        body.signal('SIGUSR2');
        await recorder.ended();
        expect(recorder.get('EXITED')).toMatchObject({ code: null, signal: 'SIGUSR2' });
      });
    else
      it(`refuses signals: ${supports.signals}`, async () => {
        const { body, recorder } = start(subjects.forever);
        await recorder.printed('up');
        expect(() => body.signal('SIGUSR2')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
      });

    if (supports.freeze === true)
      it('freezes and thaws a body', async () => {
        const { body, recorder } = start(subjects.forever);
        await recorder.printed('up');
        body.freeze();
        await recorder.until('FROZEN');
        expect(body.inspect().every((blocker) => blocker.state === 'T')).toBe(true);
        body.thaw();
        await eventually(() => body.inspect().every((blocker) => blocker.state !== 'T'), 'the end of the pause');
      });
    else
      it(`reports that it cannot freeze: ${supports.freeze}`, async () => {
        const { body, recorder } = start(subjects.forever);
        await recorder.printed('up');
        body.freeze();
        await recorder.until('FREEZE_FAILED');
      });

    it('reports no freeze that a thaw has ended', async () => {
      const { body, recorder } = start(subjects.forever);
      await recorder.printed('up');
      for (let round = 0; round < 3; round++) {
        body.freeze();
        body.thaw();
      }
      await setTimeout(50);
      body.ask('SIGTERM');
      await recorder.ended();
      expect(recorder.types().filter((type) => type === 'FROZEN' || type === 'FREEZE_FAILED')).toEqual([]);
    });

    it('reports no freeze that a stop has ended', async () => {
      const { body, recorder } = start(subjects.forever);
      await recorder.printed('up');
      body.freeze();
      body.ask('SIGTERM');
      await recorder.ended();
      expect(recorder.types().filter((type) => type === 'FROZEN' || type === 'FREEZE_FAILED')).toEqual([]);
    });

    if (supports.stdin === true)
      it('passes on standard input, also bytes that were written before it ran', async () => {
        const { body, recorder } = start(subjects.echoes);
        const early = body.write(Buffer.from('early\n'));
        await recorder.printed('up');
        await early;
        await body.write(Buffer.from('late\n'));
        await recorder.printed('early\nlate');
      });

    if (supports.endOfInput === true)
      it('closes standard input after the queued bytes, and refuses more', async () => {
        const { body, recorder } = start(subjects.echoes);
        await recorder.printed('up');
        const last = body.write(Buffer.from('last\n'));
        body.endInput();
        await expect(body.write(Buffer.from('more\n'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
        await last;
        await recorder.ended();
        expect(recorder.text()).toContain('last\n');
      });

    it('refuses to write after the end', async () => {
      const { body, recorder } = start(subjects.completes);
      await recorder.ended();
      await expect(body.write(Buffer.from('late\n'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
    });
  });
}

function expectEachOnce(recorder: Recorder): void {
  expect(new Set(recorder.types()).size).toBe(recorder.facts.length);
}

/** A whole other life has passed: what could still have been told would have been. */
async function settled(driver: Driver, subjects: Subjects): Promise<void> {
  await begin(driver, orderFor(subjects.completes)).recorder.ended();
}
