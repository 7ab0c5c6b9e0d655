import type { Client, RequestOptions } from '../client/client.js';
import type { SupervisorView } from '../contract/view.js';
import { SupertreeError } from '../errors.js';
import { parentOf } from '../model/id.js';
import type { SupervisorMark } from '../protocol/operations.js';

/** A child as OTP's operations name it: the path of its supervisor, and its id there. */
export interface ChildAddress {
  readonly path: string;
  readonly id: string;
}

/** The commands that apply to supervisors as well as agents. */
export const OF_SUPERVISORS: ReadonlySet<string> = new Set(['start', 'stop', 'restart']);

/** The supervisor or pool with this path, or with this id if it is the only one; `null` when there is none. Rejects SUPERVISOR_AMBIGUOUS. */
export async function findSupervisor(client: Client, name: string): Promise<SupervisorView | null> {
  const all = supervisorsIn(await client.request('tree', {}));
  const exact = all.find(({ path }) => path === name);
  if (exact !== undefined) return exact;
  const [only, ...more] = all.filter(({ id }) => id === name);
  if (only === undefined || more.length === 0) return only ?? null;
  const paths = [only, ...more].map(({ path }) => path).join(', ');
  throw new SupertreeError('SUPERVISOR_AMBIGUOUS', { supervisor: name, paths });
}

/** Stops, starts or restarts a supervisor with its subtree. Resolves with its status afterwards. Throws USAGE for another command. */
export async function steerSupervisor(
  client: Client,
  verb: string,
  { path }: SupervisorView,
  options: RequestOptions,
): Promise<SupervisorMark> {
  if (!OF_SUPERVISORS.has(verb)) {
    const problem = `${path} is a supervisor: it allows only ${[...OF_SUPERVISORS].join(', ')} and delete`;
    throw new SupertreeError('USAGE', { problem, command: verb });
  }
  const address = addressOf(path, verb);
  // A restart is stop and start: it counts as accepted when the start is.
  const { onAccepted: _, ...silently } = options;
  if (verb !== 'start') await client.request('terminate_child', address, verb === 'stop' ? options : silently);
  if (verb !== 'stop') await client.request('restart_child', address, options);
  const after = await findSupervisor(client, path);
  return { path, status: after?.status ?? 'idle' };
}

/** The supervisor of a child and the id of the child there. Throws USAGE for the root. */
export function addressOf(path: string, command: string): ChildAddress {
  const parent = parentOf(path);
  if (parent !== null) return { path: parent, id: path.slice(parent.length + 1) };
  const problem = `${path} is the root of the tree: end its server with SIGTERM instead`;
  throw new SupertreeError('USAGE', { problem, command });
}

function supervisorsIn(node: SupervisorView): SupervisorView[] {
  return [node, ...node.children.flatMap((child) => (child.kind === 'agent' ? [] : supervisorsIn(child)))];
}
