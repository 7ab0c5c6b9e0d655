import { readFileSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { toolPath } from '../tool-path.js';
import { declare } from './libc.js';

const setUmask = declare('unsigned int umask(unsigned int mask)');

/** What a child inherits from this process: umask(2), getpriority(2), proc_pid_oom_score_adj(5). `null` for what is not to be changed. */
export interface Attributes {
  readonly umask: number | null;
  readonly nice: number | null;
  readonly oomScoreAdj: number | null;
}

/** The system has refused one of the attributes. */
export interface Refusal {
  readonly option: keyof Attributes;
  readonly errno: number;
}

/**
 * Calls `spawn` while this process has these attributes, which the child and all its descendants inherit, and sets them back. No other thread of this
 * process makes children or files meanwhile. A niceness above that of this process is not set, because an ordinary user could not set it back: see
 * `withNice`.
 */
export function withAttributes<T>(wanted: Attributes, spawn: () => T): T | Refusal {
  const undo: (() => void)[] = [];
  try {
    for (const option of ['umask', 'nice', 'oomScoreAdj'] as const) {
      const value = wanted[option];
      const errno = value === null ? 0 : attempt(() => undo.push(SETTERS[option](value)));
      if (errno !== 0) return { option, errno };
    }
    return spawn();
  } finally {
    for (const each of undo.reverse()) each();
  }
}

/** The arguments that run a program with its niceness: by nice(1) where that is higher than the own one, which only root could set back. */
export function withNice(argv: Uint8Array, { nice }: Attributes): Uint8Array {
  const raise = nice === null ? 0 : nice - getPriority();
  return raise <= 0 ? argv : Buffer.concat([Buffer.from(`${toolPath('nice')}\0-n\0${raise}\0--\0`), argv]);
}

/** Each sets an attribute, and returns a function that sets it back. */
const SETTERS: { readonly [Option in keyof Attributes]: (value: number) => () => void } = {
  umask: (mask) => {
    const before = setUmask(mask);
    return () => void setUmask(before);
  },
  nice: (nice) => {
    const before = getPriority();
    if (nice >= before) return () => {};
    setPriority(nice);
    return () => setPriority(before);
  },
  oomScoreAdj: (adjustment) => {
    const before = readFileSync(OOM_SCORE_ADJ);
    writeFileSync(OOM_SCORE_ADJ, String(adjustment));
    return () => writeFileSync(OOM_SCORE_ADJ, before);
  },
};

const OOM_SCORE_ADJ = '/proc/self/oom_score_adj';

/** 0, or the errno of the error that `set` throws. */
function attempt(set: () => void): number {
  try {
    set();
    return 0;
  } catch (thrown) {
    const { errno = constants.errno.EPERM } = thrown as NodeJS.ErrnoException;
    return Math.abs(errno);
  }
}
