import type { Finding } from '../../model/finding.js';
import type { Examination } from './examination.js';
import { leftovers } from './leftovers.js';
import { descriptors, platform, ports, proc, processes } from './machine.js';
import { privatePlace, server, stateDirectory } from './places.js';
import { keeper, node, zeromq } from './software.js';

/**
 * Examines whether a server, or a program that embeds a tree, can run here: each check does what they would do, such as starting a keeper, and undoes it.
 * Never rejects. Nothing is changed but that the private directory of the user is made.
 */
export async function examine(examination: Examination): Promise<Finding[]> {
  const { state } = examination;
  const checks: (Finding | Promise<Finding>)[] = [
    node(),
    platform(),
    zeromq(),
    keeper(),
    proc(),
    descriptors(),
    processes(),
    ports(),
    privatePlace(),
    server(examination),
    leftovers(),
    ...(state === undefined ? [] : [stateDirectory(state)]),
  ];
  return Promise.all(checks);
}
