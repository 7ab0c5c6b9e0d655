import type { InspectionEvent } from 'xstate';
import type { SupervisorView, Tree, TreeView } from '../../src/contract/view.js';
import { parentOf } from '../../src/model/id.js';
import type { SupervisorInput } from '../../src/model/input.js';
import type { Report } from '../../src/model/report.js';
import { type Limits, limitsByPath } from './limits.js';

/** How far the last incarnation of a path has come, by its reports. */
interface Progress {
  incarnation: number;
  stage: 'created' | 'started' | 'ready' | 'exited' | 'removed';
}

/** Checks the reports and inspection events of a tree as they arrive, and records violations of the rules. */
export class ReportChecker {
  readonly violations: string[] = [];
  /** Paths of removed agents. A later agent at such a path is a new one, whose incarnations are numbered from 1. */
  readonly removed = new Set<string>();
  tree: Tree | null = null;
  readonly #progress = new Map<string, Progress>();
  /** The last reported state of each agent, with the last reported sub-state in it. */
  readonly #states = new Map<string, { state: string; detail: string }>();
  /** Reported zombies that have not come to rest since. No stop waits for them. */
  readonly #zombies = new Set<string>();
  readonly #halted = new Set<string>();
  readonly #mustFail = new Set<string>();
  /** The incarnations that exceeded a limit whose action ends them, and have not exited since. */
  readonly #mustExit = new Map<string, number>();
  readonly #limits: ReadonlyMap<string, Limits>;

  constructor(input: SupervisorInput) {
    this.#limits = limitsByPath(input);
  }

  /** Supervisors that exceeded their budget and have not failed. */
  missingFailures(): string[] {
    return [...this.#mustFail].map((path) => `${path} exceeded its budget and did not fail`);
  }

  /** Incarnations that a limit should have ended, and that are neither gone nor a zombie. */
  unendedByLimit(): string[] {
    const left = [...this.#mustExit].filter(([path]) => !this.#zombies.has(path));
    return left.map(([path, incarnation]) => `${path}#${incarnation} exceeded a limit and was not ended`);
  }

  readonly inspect = ({ type, ...rest }: InspectionEvent): void => {
    if (type !== '@xstate.event' || !('event' in rest)) return;
    const event = rest.event as { type: string; cause?: string };
    const path: string | undefined = rest.actorRef.getSnapshot()?.context?.path;
    if (path === undefined) return;
    const parent = parentOf(path);
    const shutdown = event.type === 'STOPPING' || (event.type === 'STOP' && event.cause === 'shutdown');
    if (shutdown && parent !== null && this.#halted.has(parent)) this.#onStopRequest(path, parent);
  };

  readonly onReport = (report: Report): void => {
    const { path } = report;
    switch (report.type) {
      case 'error':
        return this.#onError(path, report.problem);
      case 'supervisor':
        return this.#onStatus(path, report.status);
      case 'restarting':
        return this.#onRestarting(path, report.restarts);
      case 'exhausted':
        if (this.#limits.get(parentOf(path) ?? '')?.onExhausted === 'escalate')
          this.#mustFail.add(parentOf(path) ?? '');
        return;
      case 'created':
      case 'removed':
        return this.#onLifetime(path, report.type);
      case 'started':
      case 'ready':
      case 'exited':
        return this.#onStage(path, report.type, report.incarnation);
      case 'zombie':
        this.#zombies.add(path);
        return;
      case 'limit':
        if (report.action !== 'report') this.#mustExit.set(path, this.#progress.get(path)?.incarnation ?? 0);
        return;
      case 'substate':
        return this.#onSubstate(path, report.state, report.detail);
      case 'state':
        this.#states.set(path, { state: report.state, detail: '' });
        if (AT_REST.has(report.state) && report.state !== 'zombie') this.#zombies.delete(path);
        if (report.state === 'spawning') this.#onSpawning(path);
        if (this.#progress.get(path)?.stage === 'removed')
          this.#violation(`${path} is ${report.state} after its removal`);
    }
  };

  /** When the runtime of a zombie is over, its supervisor refuses the stop that it requests. That error is expected, and so is that of a hook. */
  #onError(path: string, problem: string): void {
    const isRefusedStop = this.#zombies.has(path) && problem.startsWith(`${path} cannot be ended:`);
    const isFailedHook = problem.startsWith('its hook afterEnd ');
    if (!isRefusedStop && !isFailedHook) this.#violation(`${path} reported an error: ${problem}`);
  }

  /** No agent starts once a supervisor above it has begun to stop. */
  #onSpawning(path: string): void {
    for (let above = parentOf(path); above !== null; above = parentOf(above)) {
      if (this.#halted.has(above)) this.#violation(`${path} was started while ${above} stops`);
    }
  }

  #onStatus(path: string, status: Extract<Report, { type: 'supervisor' }>['status']): void {
    if (status === 'stopping') this.#halted.add(path);
    if (status === 'booting') this.#halted.delete(path);
    if (this.#mustFail.has(path) && (status === 'stopped' || status === 'running')) {
      this.#violation(`${path} is ${status} after its budget was exceeded`);
    }
    if (status === 'failed') this.#mustFail.delete(path);
  }

  #onRestarting(path: string, restarts: number): void {
    const limits = this.#limits.get(parentOf(path) ?? '');
    if (limits === undefined || limits.onExhausted === 'cooldown') return;
    if (restarts > limits.maxRestarts) this.#violation(`${path} restarts ${restarts} times of ${limits.maxRestarts}`);
  }

  #onLifetime(path: string, stage: 'created' | 'removed'): void {
    const known = this.#progress.get(path);
    if (stage === 'removed') {
      this.removed.add(path);
      if (known === undefined) this.#violation(`${path} was removed before it was created`);
      if (known?.stage === 'started' || known?.stage === 'ready') this.#violation(`${path} was removed while it runs`);
    }
    const incarnation = known?.stage === 'removed' ? 0 : (known?.incarnation ?? 0);
    this.#progress.set(path, { incarnation, stage });
  }

  /** A sub-state belongs to the state that was reported before, is reported once, and never for an agent at rest. */
  #onSubstate(path: string, state: string, detail: string): void {
    const last = this.#states.get(path);
    const right =
      last?.state === state && last.detail !== detail && detail.startsWith(`${state}.`) && !AT_REST.has(state);
    if (!right) this.#violation(`${path} is ${detail} after ${last?.state} ${last?.detail}`);
    this.#states.set(path, { state, detail });
  }

  /** The order is created, started, ready, exited, removed. An incarnation that never ran exits without a start. */
  #onStage(path: string, stage: 'started' | 'ready' | 'exited', incarnation: number): void {
    const known = this.#progress.get(path);
    if (known === undefined) return this.#violation(`${path} is ${stage} before it was created`);
    const next = incarnation > known.incarnation && (known.stage === 'created' || known.stage === 'exited');
    const same = incarnation === known.incarnation;
    const right = {
      started: next,
      ready: same && known.stage === 'started',
      exited: next || (same && (known.stage === 'started' || known.stage === 'ready')),
    }[stage];
    if (!right) this.#violation(`${path}#${incarnation} ${stage} after #${known.incarnation} ${known.stage}`);
    this.#progress.set(path, { incarnation, stage });
    if (stage === 'exited' && incarnation === this.#mustExit.get(path)) this.#mustExit.delete(path);
  }

  /** Rule P1: a static supervisor stops its children one after another, the last one first. */
  #onStopRequest(path: string, parent: string): void {
    const view = this.tree?.supervisor(parent).view() as SupervisorView;
    if (view.kind === 'pool') return;
    if (!view.children.some((child) => child.path === path && isUp(child))) return;
    const laterSiblings = view.children.slice(view.children.findIndex((child) => child.path === path) + 1);
    const up = laterSiblings
      .filter((child) => !isAtRest(child) && !this.#zombies.has(child.path))
      .map((child) => child.path);
    if (up.length > 0) this.#violation(`${path} was asked to stop before ${up.join(', ')} were down`);
  }

  #violation(what: string): void {
    this.violations.push(what);
  }
}

const AT_REST = new Set(['stopped', 'failed', 'completed', 'zombie', 'idle']);

/** The states of children that are stopped in their turn. A start is cancelled at once. */
const UP = new Set(['running', 'paused']);

/** True when it runs and no stop was requested. */
function isUp(view: TreeView): boolean {
  return UP.has(view.kind === 'agent' ? view.state : view.status);
}

function isAtRest(view: TreeView): boolean {
  return AT_REST.has(view.kind === 'agent' ? view.state : view.status);
}
