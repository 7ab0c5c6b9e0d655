import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { MARK, type Member, processesMarked } from './proc.js';

/** The processes that are started with `env`, all that they start in turn, and a directory for their files. */
export class Marked {
  readonly directory = mkdtempSync(join(tmpdir(), 'supertree-marked-'));
  readonly #mark = randomUUID();

  /** The environment of this process, with the mark. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, [MARK]: this.#mark };
  }

  /** Those that run, or those of one agent. */
  members(path?: string): Member[] {
    return processesMarked(this.#mark, path);
  }

  /** The pids of those that run, or of those of one agent. */
  pids(path?: string): number[] {
    return this.members(path).map(({ pid }) => pid);
  }

  /** Kills what runs, and deletes the directory. */
  dispose(): void {
    for (const pid of this.pids()) kill(pid);
    rmSync(this.directory, { recursive: true });
  }
}

/** One for each test of the file or block that calls this: returns that of the test that runs. */
export function markedEach(): () => Marked {
  let marked: Marked;
  beforeEach(() => {
    marked = new Marked();
  });
  afterEach(() => marked.dispose());
  return () => marked;
}

/** Some end by themselves meanwhile: a keeper is one of them. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
