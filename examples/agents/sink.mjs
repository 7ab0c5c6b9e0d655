// Shows: the tail of a pipeline; it is ready only when it says so through readiness `notify`, and stops cleanly.
import { writeSync } from 'node:fs';

const timer = setInterval(() => console.log('sink: flushed'), 10_000);

process.on('SIGTERM', () => {
  clearInterval(timer);
  console.log('sink: flushed for the last time');
});

console.log('sink: ready');
writeSync(Number(process.env.SUPERTREE_NOTIFY_FD), 'READY=1\n');
