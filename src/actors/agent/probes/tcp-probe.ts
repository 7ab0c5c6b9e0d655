import { connect } from 'node:net';
import { connectionResult, foreignListener, isRefused, type PortTarget, type Probe, probeLoopback } from './probe.js';

/** Passes when the port accepts a connection on a loopback address, and a process of the agent listens there. */
export function tcpProbe(target: PortTarget): Probe {
  const { port, clock } = target;
  const refused = `port ${port} is not accepted by a process of it`;
  return (timeout, done) =>
    probeLoopback(
      clock,
      { ms: timeout, late: `port ${port} did not accept within ${timeout} ms`, refused },
      (host, settle) => {
        const socket = connect({ port, host });
        socket
          .once('connect', () => settle(foreignListener(target) ?? { outcome: 'passed' }))
          .once('error', (error: NodeJS.ErrnoException) =>
            settle(isRefused(error) ? null : connectionResult(`port ${port}`, error)),
          );
        return () => {
          socket.removeAllListeners().on('error', () => {});
          socket.destroy();
        };
      },
      done,
    );
}
