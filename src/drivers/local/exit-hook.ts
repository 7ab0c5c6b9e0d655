/** Kills the remaining processes synchronously. True when none was left to kill. */
type KillSync = () => boolean;

const registered = new Set<KillSync>();

/**
 * Calls `kill` when this program ends by itself, by process.exit() or by an uncaught error: repeatedly until it returns true, for 200 ms at most. All
 * trees of the program share one listener, which exists only while it is needed. Returns a function that undoes that. A program that a signal kills calls
 * nothing.
 */
export function killAtExit(kill: KillSync): () => void {
  // A separate entry, in case the same function is given twice.
  const entry: KillSync = () => kill();
  if (registered.size === 0) process.on('exit', killAll);
  registered.add(entry);
  return () => {
    if (registered.delete(entry) && registered.size === 0) process.removeListener('exit', killAll);
  };
}

/** Kills in rounds, because the program ends now: a round finds processes that were forked during the previous one; the pause lets killed ones end. */
function killAll(): void {
  let left = [...registered];
  for (let round = 0; round < ROUNDS; round += 1) {
    left = left.filter((kill) => !isDone(kill));
    if (left.length === 0) return;
    Atomics.wait(pause, 0, 0, 1);
  }
}

/** A function that throws, for example because no file descriptor is free, counts as not done and is called again in the next round. */
function isDone(kill: KillSync): boolean {
  try {
    return kill();
  } catch {
    return false;
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));
const ROUNDS = 200;
