import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 allocate every object in its young generation. Must be called before the server receives requests; it applies to the whole process. See
 * docs/decisions/0026-no-pretenuring-in-a-server.md.
 */
export function disablePretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
