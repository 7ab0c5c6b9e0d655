import { spawnSync } from 'node:child_process';

/** The words before a command that becomes the first process of a PID namespace of its own, with its own /proc, as in a container; see unshare(1). */
export const PID_NAMESPACE = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
  '--pid',
  '--fork',
  '--mount-proc',
] as readonly string[] as readonly [string, ...string[]];

const [unshare, ...flags] = PID_NAMESPACE;

/** Some containers do not allow it. */
export const allowsPidNamespace: boolean = spawnSync(unshare, [...flags, 'true']).status === 0;
