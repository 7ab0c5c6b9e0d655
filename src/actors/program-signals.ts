/*
 * The option `signals: true`: signals that end a program stop its trees first. All trees of the program share the listeners, which exist only while such
 * a tree runs:
 *   1. The first signal stops every tree in reverse order.
 *   2. A later one makes the stops brutal.
 *   3. When the last tree has ended the listeners are removed, and the first signal is raised again. Without another listener it ends the program as it
 *      would have at first: a shell sees 128 and the number of the signal.
 */

/** Stops one tree. */
export type StopTree = (options: { readonly brutal: boolean }) => unknown;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A second signal within so many ms is a copy of the first one: npm forwards the SIGINT of a terminal to a program that already had it. */
const REPEAT_WINDOW = 1_000;

const stops = new Set<StopTree>();
let first: { readonly signal: NodeJS.Signals; readonly at: number } | null = null;

/** Makes the signals that end the program call `stop`. Returns a function that must be called when the tree has ended. */
export function stopOnSignals(stop: StopTree): () => void {
  const entry: StopTree = (options) => stop(options);
  if (stops.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  stops.add(entry);
  if (first !== null) entry({ brutal: false });
  return () => {
    if (stops.delete(entry) && stops.size === 0) removeListeners();
  };
}

function onSignal(signal: NodeJS.Signals): void {
  const now = performance.now();
  if (first !== null && now - first.at < REPEAT_WINDOW) return;
  const brutal = first !== null;
  first ??= { signal, at: now };
  for (const stop of [...stops]) stop({ brutal });
}

function removeListeners(): void {
  for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  if (first === null) return;
  const { signal } = first;
  first = null;
  // Code that awaits the end of a tree has one turn of the event loop to act on it.
  setImmediate(() => raise(signal));
}

/** A listener of the program's own would be called a second time, so with one the signal is not raised: the program decides how it ends. */
function raise(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
