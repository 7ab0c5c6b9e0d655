import { randomUUID } from 'node:crypto';
import { SupertreeError } from '../errors.js';
import type { Agent } from './agent/agent.js';
import type { AgentRecord } from './agent/agent-record.js';
import type { EarlierRecord } from './resume/past.js';
import type { SupervisorNode } from './supervisor/node.js';

/** The index of one tree: agents by path, id and uuid, supervisors by path and id. */
export class Registry {
  readonly #agents = new Map<string, Agent>();
  readonly #byUuid = new Map<string, Agent>();
  /** One agent, or all that share the id: usually it is one, and ten thousand Sets of one would take much memory. */
  readonly #byId = new Map<string, Agent | Set<Agent>>();
  readonly #supervisors = new Map<string, SupervisorNode>();
  readonly #records = new Map<string, AgentRecord>();
  /** The highest id of each pool, by its path. */
  readonly #instances = new Map<string, number>();
  /** By path: agents that a supervisor above them removed and will create again when it starts. Their identities are kept. */
  readonly #absent = new Map<string, Pick<Agent, 'path' | 'id' | 'uuid'>>();
  readonly #earlier: (path: string) => EarlierRecord | undefined;

  /** `earlier`: what is known of an agent from before the program was started again. If not given, nothing. */
  constructor(earlier: (path: string) => EarlierRecord | undefined = () => undefined) {
    this.#earlier = earlier;
  }

  /** The number of agents. */
  get size(): number {
    return this.#agents.size;
  }

  /** The record of a path; made on first use. */
  recordOf(path: string, wall: number): AgentRecord {
    let known = this.#records.get(path);
    if (known === undefined) {
      const fresh = this.#earlier(path) ?? { uuid: flatUuid(), createdAt: wall, incarnation: 0, starts: 0 };
      known = { ...fresh, output: null, watchers: null };
      this.#records.set(path, known);
    }
    return known;
  }

  /** True when the record was dropped: an agent at its path now, or later, is a different one. */
  isForgotten(path: string, record: AgentRecord): boolean {
    return this.#records.get(path) !== record;
  }

  /** The last incarnation of a path; 0 when it never had one. */
  incarnationOf(path: string): number {
    return this.#records.get(path)?.incarnation ?? this.#earlier(path)?.incarnation ?? 0;
  }

  /** The highest id of a pool, over all its restarts; 0 before the first. */
  lastInstance(pool: string): number {
    return this.#instances.get(pool) ?? 0;
  }

  noteInstance(pool: string, id: string): void {
    this.#instances.set(pool, Math.max(this.lastInstance(pool), Number(id)));
  }

  addAgent(agent: Agent): void {
    this.#agents.set(agent.path, agent);
    this.#byUuid.set(agent.uuid, agent);
    this.#absent.delete(agent.path);
    const same = this.#byId.get(agent.id);
    if (same === undefined) this.#byId.set(agent.id, agent);
    else if (same instanceof Set) same.add(agent);
    else this.#byId.set(agent.id, new Set([same, agent]));
  }

  /** Removes an agent. `forget` drops its record too: a later agent at the same path is a different one. */
  removeAgent(agent: Agent, forget: boolean): void {
    this.#agents.delete(agent.path);
    this.#byUuid.delete(agent.uuid);
    const same = this.#byId.get(agent.id);
    if (same instanceof Set) same.delete(agent);
    if (same === agent || (same instanceof Set && same.size === 0)) this.#byId.delete(agent.id);
    const { path, id, uuid } = agent;
    if (forget) this.#records.delete(path);
    else this.#absent.set(path, { path, id, uuid });
  }

  addSupervisor(node: SupervisorNode): void {
    this.#supervisors.set(node.path, node);
  }

  /** Removes a supervisor. `forget` drops and returns the absent agents too that it would have created again. */
  removeSupervisor(node: SupervisorNode, forget: boolean): { path: string; record: AgentRecord }[] {
    this.#supervisors.delete(node.path);
    if (!forget) return [];
    this.#instances.delete(node.path);
    const paths = [...this.#absent.keys()].filter((path) => path.startsWith(`${node.path}/`));
    return paths.flatMap((path) => {
      const record = this.#records.get(path);
      this.#absent.delete(path);
      this.#records.delete(path);
      return record === undefined ? [] : [{ path, record }];
    });
  }

  agentOf(uuid: string): Agent | undefined {
    return this.#byUuid.get(uuid);
  }

  supervisorAt(path: string): SupervisorNode | undefined {
    return this.#supervisors.get(path);
  }

  agentAt(path: string): Agent | undefined {
    return this.#agents.get(path);
  }

  /** By path, by uuid, or by a unique id. Throws AGENT_NOT_FOUND, AGENT_AMBIGUOUS; AGENT_ABSENT while a supervisor above it is restarting. */
  find(ref: string): Agent {
    const exact = this.#agents.get(ref) ?? this.#byUuid.get(ref.toLowerCase());
    if (exact !== undefined) return exact;
    const found = this.#byId.get(ref);
    const same = found instanceof Set ? [...found] : [found];
    if (same.length > 1) {
      throw new SupertreeError('AGENT_AMBIGUOUS', { agent: ref, paths: same.map((agent) => agent?.path).join(', ') });
    }
    if (same[0] === undefined) throw this.#missing(ref);
    return same[0];
  }

  #missing(ref: string): SupertreeError {
    const isMeant = ({ path, id, uuid }: Pick<Agent, 'path' | 'id' | 'uuid'>) =>
      path === ref || id === ref || uuid === ref.toLowerCase();
    const absent = [...this.#absent.values()].find(isMeant);
    if (absent === undefined) return new SupertreeError('AGENT_NOT_FOUND', { agent: ref });
    return new SupertreeError('AGENT_ABSENT', { agent: absent.path });
  }

  /** By path, or by an id that is unique among the supervisors of the tree. Throws SUPERVISOR_NOT_FOUND, SUPERVISOR_AMBIGUOUS. */
  findSupervisor(ref: string): SupervisorNode {
    const exact = this.#supervisors.get(ref);
    if (exact !== undefined) return exact;
    const same = [...this.#supervisors.values()].filter(({ spec }) => spec.id === ref);
    const [first] = same;
    if (first === undefined) throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path: ref });
    if (same.length === 1) return first;
    const paths = same.map(({ path }) => path).join(', ');
    throw new SupertreeError('SUPERVISOR_AMBIGUOUS', { supervisor: ref, paths });
  }

  /** By path alone. Throws SUPERVISOR_NOT_FOUND. */
  supervisor(path: string): SupervisorNode {
    const node = this.#supervisors.get(path);
    if (node === undefined) throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path });
    return node;
  }
}

/** randomUUID() returns a string of a dozen concatenations, which V8 would keep as such: 460 bytes more for each agent. */
function flatUuid(): string {
  return Buffer.from(randomUUID()).toString('latin1');
}
