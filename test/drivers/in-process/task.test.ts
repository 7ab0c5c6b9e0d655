import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createInProcessDriver } from '../../../src/drivers/in-process/in-process.js';
import type { TaskBody, TaskContext } from '../../../src/model/spec.js';
import { createVirtualClock } from '../../../src/testing/index.js';
import { begin, orderFor } from '../../contract/recorder.js';
import { launch, launchTask } from './launch.js';

describe('a task', () => {
  it('gets its id, path, incarnation and ports', async () => {
    const seen: object[] = [];
    const clock = createVirtualClock();
    const driver = createInProcessDriver({ clock });
    const task: TaskBody = ({ id, path, incarnation, ports }) => {
      seen.push({ id, path, incarnation, ports });
    };
    begin(driver, { ...orderFor({ task }, 4), ports: { http: 8100 } });
    await clock.settle();
    expect(seen).toEqual([{ id: 'subject', path: 'root/subject', incarnation: 4, ports: { http: 8100 } }]);
  });

  it('ends with code 1, its message and its stack, whether it throws or rejects', async () => {
    const ways: TaskBody[] = [
      () => {
        throw new Error('at once');
      },
      async () => {
        await null;
        throw new Error('later');
      },
    ];
    for (const [index, task] of ways.entries()) {
      const { recorder } = await launchTask(task);
      const message = ['at once', 'later'][index];
      expect(recorder.get('EXITED')).toMatchObject({ code: 1, detail: message, empty: true, drained: true });
      expect(recorder.text('stderr')).toMatch(new RegExp(`^Error: ${message}\n +at `));
    }
  });

  it('may throw anything at all', async () => {
    const unprintable = {
      get message() {
        throw new Error('twice');
      },
    };
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
      },
    );
    for (const thrown of [undefined, null, 'text', 7, Symbol('s'), Object.create(null), unprintable, hostile]) {
      const { recorder } = await launchTask(() => Promise.reject(thrown));
      expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
      expect(recorder.get('EXITED')?.code).toBe(1);
    }
  });

  it('ends well when it rejects with the abort that it was asked for, and badly when it was not asked', async () => {
    const asked = await launchTask(({ signal }) => sleep(1e6, undefined, { signal }));
    asked.body.ask('SIGTERM');
    await asked.clock.settle();
    expect(asked.recorder.get('EXITED')).toMatchObject({ code: 0, detail: 'aborted' });
    expect(asked.recorder.text('stderr')).toBe('');
    const unasked = await launchTask(() => Promise.reject(new DOMException('stop', 'AbortError')));
    expect(unasked.recorder.get('EXITED')).toMatchObject({ code: 1 });
  });

  it('finds its signal aborted when it looks only after it was asked', async () => {
    let look: () => boolean = () => false;
    const { clock, body } = await launchTask((context) => {
      look = () => context.signal.aborted;
      return new Promise(() => {});
    });
    body.ask('SIGTERM');
    await clock.settle();
    expect(look()).toBe(true);
  });

  it('does not run its abort listeners on the stack of the caller', async () => {
    let ran = false;
    const { clock, body } = await launchTask(({ signal }) => {
      signal.addEventListener('abort', () => {
        ran = true;
      });
      return new Promise(() => {});
    });
    body.ask('SIGTERM');
    expect(ran).toBe(false);
    await clock.settle();
    expect(ran).toBe(true);
  });

  it('names itself as the blocker while it cannot be killed, and exits when it really ends', async () => {
    let finish = (): void => {};
    const { clock, body, recorder } = await launchTask(() => new Promise((resolve) => (finish = resolve)));
    body.ask('SIGTERM');
    body.kill();
    body.kill();
    await clock.advance(1e6);
    expect(recorder.types()).toEqual(['SPAWNED']);
    expect(body.inspect()).toEqual([{ pid: 0, state: '-', command: 'task still running' }]);
    finish();
    await clock.settle();
    expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
    expect(body.inspect()).toEqual([]);
  });

  it('says that it is ready on the readiness channel', async () => {
    const { recorder } = await launch({
      readiness: { type: 'notify' },
      task: ({ ready }) => {
        ready();
        return new Promise(() => {});
      },
    });
    expect(recorder.words).toEqual(['READY=1']);
  });

  it('reports nothing after its end', async () => {
    let context: TaskContext | undefined;
    const { clock, recorder } = await launchTask((given) => {
      context = given;
    });
    context?.log('late');
    context?.ready();
    context?.onInput(() => expect.unreachable());
    await clock.settle();
    expect([recorder.types(), recorder.text(), recorder.words]).toEqual([['SPAWNED', 'EXITED'], '', []]);
  });

  it('stops listening to input when it says so, and input waits for the next listener', async () => {
    const seen: string[] = [];
    let onInput: TaskContext['onInput'] = () => () => {};
    const { clock, body } = await launchTask((context) => {
      onInput = context.onInput;
      return new Promise(() => {});
    });
    const stop = onInput((text) => seen.push(`first ${text}`));
    await body.write(Buffer.from('a'));
    stop();
    await body.write(Buffer.from('b'));
    onInput((text) => seen.push(`second ${text}`));
    await clock.settle();
    expect(seen).toEqual(['first a', 'second b']);
  });

  it('is given whole characters however the bytes are cut', async () => {
    const seen: string[] = [];
    const { body } = await launchTask(({ onInput }) => {
      onInput((text) => seen.push(text));
      return new Promise(() => {});
    });
    for (const byte of Buffer.from('\ufeffä€😀')) await body.write(Uint8Array.of(byte));
    expect(seen).toEqual(['\ufeff', 'ä', '€', '😀']);
  });

  it('is not written more than a mebibyte ahead', async () => {
    const { body } = await launchTask(() => new Promise(() => {}));
    await body.write(Buffer.alloc(1_048_576, 'x'));
    await expect(body.write(Buffer.from('y'))).rejects.toMatchObject({
      code: 'STDIN_FULL',
      details: { queued: 1_048_576, limit: 1_048_576 },
    });
  });

  it('survives a listener that throws or rejects, and the error is reported', async () => {
    const seen: string[] = [];
    const { body, clock, recorder, problems } = await launchTask(({ onInput }) => {
      onInput(() => {
        throw new Error('first');
      });
      onInput(async () => {
        throw new Error('second');
      });
      onInput((text) => seen.push(text));
      return new Promise(() => {});
    });
    await body.write(Buffer.from('a'));
    await clock.settle();
    expect(seen).toEqual(['a']);
    expect(problems).toEqual([
      'root/subject an input listener threw: first',
      'root/subject an input listener threw: second',
    ]);
    expect(recorder.text('stderr')).toContain('Error: first');
    expect(recorder.types()).toEqual(['SPAWNED']);
  });
});
