import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, fileSink } from '../../src/server/log.js';

let directory: string;
let fd: number;

/* A pipe that nobody reads is full, and is not once it is read: what a disk does, without a disk of our own. */
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-test-'));
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
});

afterEach(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true, force: true });
});

/** All that waits, as text. */
function drain(): string {
  const bytes = Buffer.alloc(1 << 20);
  try {
    return bytes.toString('latin1', 0, readSync(fd, bytes));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return '';
    throw thrown;
  }
}

describe('a log that cannot be written for a while', () => {
  it('reports each outage once, continues with the next line that it can write, and reports the number of missing lines', () => {
    const entries: unknown[] = [];
    const log = createLog(fileSink(fd, 'log', (thrown) => entries.push(thrown)));
    for (const outage of [1, 2]) {
      log.info('before');
      const text = 'x'.repeat(5_000);
      while (entries.length < outage) log.info(text);
      log.info(text);
      log.info(text);
      expect(entries).toHaveLength(outage);
      const before = drain();
      log.info('after');
      const lines = `${before}${drain()}`.split('\n').filter((line) => line !== '');
      const whole = lines.flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as { msg: string }] : []));
      // Of each line that was lost a part may be there, never joined to another line.
      expect(lines.length - whole.length).toBeLessThanOrEqual(3);
      expect(whole.at(0)?.msg).toBe('before');
      expect(whole.at(-2)).toMatchObject({
        level: 'warn',
        lost: 3,
        msg: '3 lines that belong here could not be written',
      });
      expect(whole.at(-1)).toMatchObject({ level: 'info', msg: 'after' });
    }
    expect(entries[0]).toMatchObject({ code: 'LOG_FILE', details: { problem: expect.stringContaining('EAGAIN') } });
  });
});
