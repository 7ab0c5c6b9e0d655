import { monitorEventLoopDelay } from 'node:perf_hooks';

/*
 * Loaded into the measured process beside its program (`--import`): over the channel to its parent it tells for how long the event loop was
 * blocked at most between `watch` and `told`, in ms, and how much processor time the process has used, in us. Between the two it does nothing.
 */

const delays = monitorEventLoopDelay({ resolution: 2 });

/** The first sample is that of the start itself. */
function watch(): void {
  delays.enable();
  setTimeout(() => {
    delays.reset();
    process.send?.('watching');
  }, 20);
}

function blocked(): number {
  const { max } = delays;
  delays.disable();
  delays.reset();
  return Number.isFinite(max) ? max / 1e6 : 0;
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

process.on('message', (message) => {
  if (message === 'watch') watch();
  if (message === 'told') setTimeout(() => process.send?.(blocked()), 20);
  if (message === 'cpu') process.send?.(cpu());
});
process.channel?.unref();
