import { request } from 'node:http';
import { connectionResult, foreignListener, isRefused, type PortTarget, type Probe, probeLoopback } from './probe.js';

/**
 * Passes when a GET of the path is answered with a status from 200 to 399, as a probe of Kubernetes does, by a process of the agent. A redirect is not
 * followed, and the body is not read. The request has the host `localhost`, which frameworks that check it accept.
 */
export function httpProbe(target: PortTarget & { readonly path: string }): Probe {
  const { port, path, clock } = target;
  const url = `http://localhost:${port}${path}`;
  const headers = { host: `localhost:${port}`, 'user-agent': 'supertree', accept: '*/*', connection: 'close' };
  return (timeout, done) =>
    probeLoopback(
      clock,
      {
        ms: timeout,
        late: `${url} did not answer within ${timeout} ms`,
        refused: `${url} is not accepted by a process of it`,
      },
      (host, settle) => {
        const asking = request({ host, port, path, headers, agent: false });
        asking
          .once('response', ({ statusCode = 0 }) => {
            const isGood = statusCode >= 200 && statusCode < 400;
            const answered = isGood
              ? ({ outcome: 'passed' } as const)
              : ({ outcome: 'failed', text: `${url} answered ${statusCode}` } as const);
            settle(foreignListener(target) ?? answered);
          })
          .once('error', (error: NodeJS.ErrnoException) =>
            settle(isRefused(error) ? null : connectionResult(url, error)),
          )
          .end();
        return () => {
          asking.removeAllListeners().on('error', () => {});
          asking.destroy();
        };
      },
      done,
    );
}
