/*
 * Agents that write, for both sides: so many lines of 64 bytes at every tick of 10 ms.
 */

export const TICK = 10;
export const LINES_PER_TICK = 5;
export const LINE = 'x'.repeat(63);

/** The command line of one. */
export const WRITER = [
  process.execPath,
  '-e',
  `setInterval(() => process.stdout.write(${JSON.stringify(`${LINE}\n`.repeat(LINES_PER_TICK))}), ${TICK})`,
];
