import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KillableServer } from './killable-server.js';
import type { OtherRelease } from './other-release.js';
import { processFacts } from './proc.js';

const TREE = `
[[children]]
id = "counter"
command = ["sh", "-c", "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"]
ports = ["http"]
[[children]]
id = "cat"
command = ["cat"]
[[children]]
id = "daemon"
command = ["sh", "-c", "(setsid sleep 300 &); exec sleep 300"]
`;

export type View = Awaited<ReturnType<KillableServer['client']['agents']>>[number];

/** A server that is killed, and followed by one of another release. Its agents are `counter`, `cat`, and `daemon`, which has two sessions. */
export class UpgradedServer extends KillableServer {
  /** Starts a server of another release with all agents, and kills it; resolves with them. */
  async begunBy({ program }: OtherRelease): Promise<View[]> {
    await this.start(TREE, { program });
    const agents = await this.client.agents();
    await this.kill();
    return agents;
  }

  /** The parents of the main processes of the agents. */
  async parents(): Promise<(number | undefined)[]> {
    const agents = await this.client.agents();
    return ['counter', 'cat', 'daemon'].map((id) => {
      const pid = agents.find(({ path }) => path === `root/${id}`)?.pid;
      return processFacts(pid ?? 0)?.parent;
    });
  }

  /** How many sessions each agent has: a second main process would be one. */
  sessions(): number[] {
    return ['counter', 'cat', 'daemon'].map((id) => this.mains(`root/${id}`).length);
  }

  /** The names of the sockets in the state directory. */
  sockets(): string[] {
    return readdirSync(join(this.directory, 'state')).filter((name) => name.endsWith('.sock'));
  }
}

/** What a takeover does not change. */
export function identityOf({ path, uuid, pid, ports, restarts, state }: View): Partial<View> {
  return { path, uuid, pid, ports, restarts, state };
}
