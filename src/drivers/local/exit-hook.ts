/** Kills what is left of something, now and without a word. True when nothing was left to kill. */
type LastBlow = () => boolean;

const living = new Set<LastBlow>();

/**
 * Has `kill` called when this program ends by itself, by process.exit() or by an uncaught error: again and again until it answers
 * true, for 200 ms at most. All trees of the program share one listener, which is there only while it has something to do.
 * Returns the way to take it back. A program that a signal kills calls nothing.
 */
export function killAtExit(kill: LastBlow): () => void {
  // An entry of its own, should the same function be given twice.
  const entry: LastBlow = () => kill();
  if (living.size === 0) process.on('exit', killAll);
  living.add(entry);
  return () => {
    if (living.delete(entry) && living.size === 0) process.removeListener('exit', killAll);
  };
}

/**
 * The program is about to end: there is no later. What forks while it is being killed is found by the next round; the pause
 * between rounds gives the kernel the time to end what was killed.
 */
function killAll(): void {
  let left = [...living];
  for (let round = 0; round < ROUNDS; round += 1) {
    left = left.filter((kill) => !isDone(kill));
    if (left.length === 0) return;
    Atomics.wait(pause, 0, 0, 1);
  }
}

/** One that throws, say for want of file descriptors, must not save the others, and is called again as well. */
function isDone(kill: LastBlow): boolean {
  try {
    return kill();
  } catch {
    return false;
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));
const ROUNDS = 200;
