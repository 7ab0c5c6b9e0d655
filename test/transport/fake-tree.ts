import { randomUUID } from 'node:crypto';
import type {
  AgentHandle,
  AgentView,
  OutputLine,
  OutputQuery,
  SupervisorHandle,
  SupervisorView,
  Tree,
  TreeEnd,
  Usage,
} from '../../src/contract/view.js';
import { SupertreeError } from '../../src/errors.js';
import type { AgentState } from '../../src/model/agent.js';
import type { ExitRecord } from '../../src/model/exit.js';
import type { AgentInput } from '../../src/model/input.js';
import type { Report, ReportBody } from '../../src/model/report.js';
import { reportListener, type Subscription } from '../../src/model/report-selection.js';
import type { PauseMode, StreamName } from '../../src/model/spec.js';

/** One agent of a fake tree: it does what it is told, at once, unless `hold` is set. */
export class FakeAgent {
  readonly uuid = randomUUID();
  readonly path: string;
  readonly calls: string[] = [];
  readonly written: Buffer[] = [];
  readonly lines: OutputLine[] = [];
  state: AgentState = 'running';
  pauseMode: PauseMode | null = null;
  inputEnded = false;
  exit: ExitRecord | null = null;
  /** What every command waits for; set it to keep commands waiting. */
  hold: Promise<void> = Promise.resolve();
  /** What the next command is refused with. */
  refuse: SupertreeError | null = null;
  readonly #listeners = new Set<(line: OutputLine) => void>();
  readonly #tree: FakeTree;
  readonly #input: AgentInput;

  constructor(tree: FakeTree, parent: string, input: AgentInput) {
    this.#tree = tree;
    this.#input = input;
    this.path = `${parent}/${input.id}`;
  }

  print(stream: StreamName, text: string | Buffer): void {
    const seq = this.lines.filter((line) => line.stream === stream).length;
    const line = { seq, stream, at: 1_700_000_000_000 + seq, partial: false, bytes: Buffer.from(text) };
    this.lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }

  move(state: AgentState): void {
    this.state = state;
    this.#tree.report(this.path, { type: 'state', state, incarnation: 1 });
  }

  /** It ends by itself. */
  end(code: number): void {
    const at = { startedAt: 1_700_000_000_000, readyAt: 1_700_000_000_000, exitedAt: 1_700_000_002_000 };
    const rest = { signal: null, oom: false, cause: 'exit', detail: '', commanded: false, tail: [] } as const;
    this.exit = { id: this.#input.id, incarnation: 1, pid: 4711, code, ...rest, ...at };
    this.move(code === 0 ? 'completed' : 'failed');
  }

  view(): AgentView {
    const { path, uuid, state, pauseMode } = this;
    return {
      path,
      id: this.#input.id,
      uuid,
      state,
      detail: state === 'stopping' ? 'stopping.asking' : state,
      pid: state === 'running' || state === 'paused' ? 4711 : null,
      ports: {},
      restart: this.#input.restart ?? 'permanent',
      restarts: 0,
      incarnation: 1,
      health: 'unknown',
      healthSince: null,
      healthDetail: '',
      statusText: '',
      since: 1_700_000_000_123,
      createdAt: 1_700_000_000_000,
      startedAt: 1_700_000_000_000.25,
      readyAt: null,
      pausedAt: state === 'paused' ? 1_700_000_001_000 : null,
      pauseMode: state === 'paused' ? pauseMode : null,
      exit: this.exit,
      retryIn: null,
      blockers: [],
      command: [...(this.#input.command ?? [])],
      metadata: { ...this.#input.metadata },
    };
  }

  get input(): AgentInput {
    return this.#input;
  }

  handle(): AgentHandle {
    const to = (name: string, state?: AgentState, via?: AgentState) => async () => {
      this.calls.push(name);
      if (this.refuse !== null) throw this.refuse;
      if (via !== undefined) this.move(via);
      await this.hold;
      if (state !== undefined) this.move(state);
    };
    return {
      path: this.path,
      uuid: this.uuid,
      view: () => this.view(),
      start: to('start', 'running', 'spawning'),
      stop: to('stop', 'stopped', 'stopping'),
      kill: to('kill', 'stopped', 'stopping'),
      restart: to('restart', 'running', 'stopping'),
      pause: async (mode = 'forced') => {
        this.pauseMode = mode;
        await to(`pause ${mode}`, 'paused')();
      },
      resume: to('resume', 'running'),
      signal: async (signal) => to(`signal ${signal}`)(),
      write: async (data) => {
        await to('write')();
        this.written.push(Buffer.from(data));
        return this.written.at(-1)?.length ?? 0;
      },
      resize: async (columns, rows) => to(`resize ${columns} ${rows}`)(),
      endInput: async () => {
        this.inputEnded = true;
      },
      output: ({ stream = 'both', from = 0, last, limit } = {}) => {
        const all = this.lines.filter(
          (line) => (stream === 'both' || line.stream === stream) && line.seq >= firstOf(line.stream, from),
        );
        const kept = last === undefined ? all : all.slice(-last);
        const next = (name: StreamName) => this.lines.filter((line) => line.stream === name).length;
        return { lines: kept.slice(0, limit), dropped: 0, next: { stdout: next('stdout'), stderr: next('stderr') } };
      },
      exit: new Promise(() => {}),
      waitFor: async () => this.view(),
      lines: () => {
        throw new Error('the fake agent has no lines to follow');
      },
      onOutput: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }
}

/** A tree without processes, for tests of what stands in front of it. */
export class FakeTree implements Tree {
  readonly path = 'root';
  status: Tree['status'] = 'running';
  readonly members: FakeAgent[] = [];
  readonly ended: Promise<TreeEnd>;
  /** What every `add` waits for. */
  adding: Promise<void> = Promise.resolve();
  #end: (end: TreeEnd) => void = () => {};
  readonly #listeners = new Set<(report: Report) => void>();

  constructor(...ids: string[]) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (const id of ids) this.join({ id, command: ['sleep', '1'] });
  }

  join(input: AgentInput): FakeAgent {
    const agent = new FakeAgent(this, this.path, input);
    this.members.push(agent);
    this.report(agent.path, { type: 'created', uuid: agent.uuid });
    return agent;
  }

  leave(id: string): void {
    const { path, uuid } = this.member(id);
    this.members.splice(this.members.indexOf(this.member(id)), 1);
    this.report(path, { type: 'removed', uuid });
  }

  member(id: string): FakeAgent {
    const found = this.members.find((agent) => agent.view().id === id);
    if (found === undefined) throw new Error(`no ${id} in the fake tree`);
    return found;
  }

  report(path: string, body: ReportBody): void {
    for (const listener of [...this.#listeners]) listener({ path, at: 1_700_000_000_000, ...body });
  }

  async start(): Promise<void> {}

  async stop(): Promise<TreeEnd> {
    this.status = 'stopped';
    this.#end({ reason: 'shutdown', clean: true, left: [] });
    return this.ended;
  }

  get size(): number {
    return this.members.length;
  }

  agents(): AgentView[] {
    return this.members.map((agent) => agent.view());
  }

  agent(ref: string): AgentHandle {
    const found = this.members.find((agent) => agent.path === ref || agent.uuid === ref || agent.view().id === ref);
    if (found === undefined) throw new SupertreeError('AGENT_NOT_FOUND', { agent: ref });
    return found.handle();
  }

  supervisor(path = this.path): SupervisorHandle {
    if (path !== this.path) throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path });
    return {
      path,
      view: () => this.view(),
      has: (id) => this.members.some((agent) => agent.view().id === id),
      add: async (input) => {
        const { path } = this.join(input as AgentInput);
        await this.adding;
        return path;
      },
      terminate: async (id) => this.agent(id).stop(),
      restart: async (id) => this.agent(id).restart(),
      delete: async (id) => this.leave(id),
      which: () => this.agents().map(({ id }) => ({ id, phase: 'up' as const, generation: 1 })),
      whichChild: (id) => ({ id, phase: 'up', generation: 1 }),
      count: () => ({
        specs: this.members.length,
        active: this.members.length,
        supervisors: 0,
        workers: this.members.length,
      }),
      childSpec: (id) => {
        throw new SupertreeError('NOT_FOUND', { path, id });
      },
    };
  }

  view(): SupervisorView {
    const children = this.agents().map((view) => ({ kind: 'agent' as const, ...view }));
    return {
      kind: 'supervisor' as const,
      path: this.path,
      id: 'root',
      status: this.status,
      strategy: 'one_for_one' as const,
      children,
    };
  }

  async usage(): Promise<ReadonlyMap<string, Usage>> {
    return new Map(
      this.members.map(({ path }) => [path, { cpu: 1.5, memory: 5_000_000_000, measure: 'pss' as const }]),
    );
  }

  subscribe(...subscription: Subscription): () => void {
    const listener = reportListener(subscription);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function firstOf(stream: StreamName, from: NonNullable<OutputQuery['from']>): number {
  return typeof from === 'number' ? from : (from[stream] ?? 0);
}
