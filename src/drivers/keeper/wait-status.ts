import { constants } from 'node:os';

/** How a process has ended: by an exit with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Decodes a status of waitpid(2). A real-time signal is named as by kill(1): `SIGRTMIN+2`. */
export function endingOf(status: number): Ending {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff, signal: null } : { code: null, signal: nameOf(signal) };
}

function nameOf(signal: number): string {
  const name = NAMES.get(signal);
  if (name !== undefined) return name;
  return signal >= FIRST_REAL_TIME ? `SIGRTMIN+${signal - FIRST_REAL_TIME}` : `signal ${signal}`;
}

/** Of several names for a number, the first: SIGIOT and SIGPOLL come after SIGABRT and SIGIO. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** SIGRTMIN of glibc and musl, which keep some for their threads. */
const FIRST_REAL_TIME = 34;
