import { XPublisher } from 'zeromq';
import type { AgentView, OutputLine, Tree } from '../actors/view.js';
import type { Report } from '../model/report.js';
import { encode } from './decode.js';
import type { Draft } from './protocol.js';
import { STATUS_OF, wireTime } from './status.js';

/** The socket that output and states are published on, for SUB peers of the agent protocol. */
export interface Publisher {
  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said. */
  bind(endpoint: string): Promise<string>;
  unbind(endpoint: string): Promise<void>;
  /** Publishes every line (`log_stream`) and every state (`status_update`) of a tree from now on. */
  follow(tree: Tree): void;
  close(): Promise<void>;
}

/**
 * One frame per message: the agent's uuid as text, a zero byte, the message. Nothing is made that nobody subscribed to. What a
 * subscriber does not read in time is lost to it: `sequence` shows the gap, and the rings still have the lines.
 */
export function createPublisher(failed: (thrown: unknown) => void): Publisher {
  const socket = new XPublisher({ linger: 0, sendTimeout: 0, sendHighWaterMark: 1000 });
  const topics = new Set<string>();
  const receiving = listen(socket, topics);
  receiving.catch(failed);
  const publish = (uuid: string, make: () => Draft<'log_stream' | 'status_update'>) => {
    if (socket.closed || !isWanted(topics, uuid)) return;
    socket.send(Buffer.concat([Buffer.from(`${uuid}\0`), encode(make())])).catch(failed);
  };
  const follower = new Follower(publish);
  return {
    bind: async (endpoint) => {
      await socket.bind(endpoint);
      return socket.lastEndpoint ?? endpoint;
    },
    unbind: (endpoint) => socket.unbind(endpoint),
    follow: (tree) => follower.follow(tree),
    close: async () => {
      follower.close();
      socket.close();
      await receiving.catch(() => undefined);
    },
  };
}

/** Keeps count of what peers subscribe to: a message of 1 or 0 and the beginning of a topic (ZMQ_XPUB). */
async function listen(socket: XPublisher, topics: Set<string>): Promise<void> {
  for await (const [message = Buffer.alloc(0)] of socket) {
    const topic = message.subarray(1).toString('latin1');
    if (message[0] === 1) topics.add(topic);
    else if (message[0] === 0) topics.delete(topic);
  }
}

function isWanted(topics: ReadonlySet<string>, uuid: string): boolean {
  for (const topic of topics) if (uuid.startsWith(topic)) return true;
  return false;
}

type Publish = (uuid: string, make: () => Draft<'log_stream' | 'status_update'>) => void;

class Follower {
  readonly #publish: Publish;
  readonly #undo = new Map<string, () => void>();
  #unsubscribe: () => void = () => {};

  constructor(publish: Publish) {
    this.#publish = publish;
  }

  follow(tree: Tree): void {
    this.#unsubscribe = tree.subscribe((report) => this.#take(tree, report));
    for (const { uuid, path } of tree.agents()) this.#watch(tree, path, uuid);
  }

  close(): void {
    this.#unsubscribe();
    for (const undo of this.#undo.values()) undo();
    this.#undo.clear();
  }

  #take(tree: Tree, report: Report): void {
    // Told again for the same uuid when a supervisor was restarted: the output is a new one then.
    if (report.type === 'created') this.#watch(tree, report.path, report.uuid);
    else if (report.type === 'removed') this.#forget(report.uuid);
    else if (report.type === 'state') this.#tellState(tree.agent(report.path).view(), report.at);
  }

  #watch(tree: Tree, path: string, uuid: string): void {
    this.#undo.get(uuid)?.();
    this.#undo.set(
      uuid,
      tree.agent(path).onOutput((line) => this.#publish(uuid, () => logStream(uuid, line))),
    );
  }

  #forget(uuid: string): void {
    this.#undo.get(uuid)?.();
    this.#undo.delete(uuid);
  }

  #tellState({ uuid, state, detail }: AgentView, at: number): void {
    this.#publish(uuid, () => ({
      type: 'status_update',
      agent_id: uuid,
      update_type: 'status_changed',
      status: STATUS_OF[state],
      message: detail,
      timestamp: wireTime(at),
    }));
  }
}

function logStream(uuid: string, { stream, bytes, at, seq }: OutputLine): Draft<'log_stream'> {
  return {
    type: 'log_stream',
    agent_id: uuid,
    stream_type: stream,
    data: bytes,
    timestamp: wireTime(at),
    sequence: seq,
  };
}
