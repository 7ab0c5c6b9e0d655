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

/** Sees everything that a tree does while it does it, and notes what must not be. */
export class Witness {
  readonly violations: string[] = [];
  /** Agents that were forgotten once: the same path is somebody new then, who counts from 1. */
  readonly removed = new Set<string>();
  tree: Tree | null = null;
  readonly #progress = new Map<string, Progress>();
  /** The state that each agent was told to be in, and the last sub-state in it that was told. */
  readonly #places = new Map<string, { state: string; detail: string }>();
  /** Called zombies, and not seen to come to rest since: nobody waits for them. */
  readonly #zombies = new Set<string>();
  readonly #halted = new Set<string>();
  readonly #mustFail = new Set<string>();
  readonly #limits: ReadonlyMap<string, Limits>;

  constructor(input: SupervisorInput) {
    this.#limits = limitsByPath(input);
  }

  /** What is due for ever. */
  debts(): string[] {
    return [...this.#mustFail].map((path) => `${path} exceeded its budget and did not fail`);
  }

  readonly inspect = ({ type, ...rest }: InspectionEvent): void => {
    if (type !== '@xstate.event' || !('event' in rest)) return;
    const event = rest.event as { type: string; cause?: string };
    const path: string | undefined = rest.actorRef.getSnapshot()?.context?.path;
    if (path === undefined) return;
    const parent = parentOf(path);
    const shutdown = event.type === 'STOPPING' || (event.type === 'STOP' && event.cause === 'shutdown');
    if (shutdown && parent !== null && this.#halted.has(parent)) this.#askedToStop(path, parent);
  };

  readonly hear = (report: Report): void => {
    const { path } = report;
    switch (report.type) {
      case 'error':
        return this.#metError(path, report.problem);
      case 'supervisor':
        return this.#status(path, report.status);
      case 'restarting':
        return this.#restarting(path, report.restarts);
      case 'exhausted':
        if (this.#limits.get(parentOf(path) ?? '')?.onExhausted === 'escalate')
          this.#mustFail.add(parentOf(path) ?? '');
        return;
      case 'created':
      case 'removed':
        return this.#lifetime(path, report.type);
      case 'started':
      case 'ready':
      case 'exited':
        return this.#progressed(path, report.type, report.incarnation);
      case 'zombie':
        this.#zombies.add(path);
        return;
      case 'substate':
        return this.#moved(path, report.state, report.detail);
      case 'state':
        this.#places.set(path, { state: report.state, detail: '' });
        if (AT_REST.has(report.state) && report.state !== 'zombie') this.#zombies.delete(path);
        if (report.state === 'spawning') this.#begun(path);
        if (this.#progress.get(path)?.stage === 'removed') this.#broken(`${path} is ${report.state} after its removal`);
    }
  };

  /** Its supervisor refuses the stop that an agent asks for when its runtime is over, if it is a zombie: that is reported as an error. */
  #metError(path: string, problem: string): void {
    const isRefusedStop = this.#zombies.has(path) && problem.startsWith(`${path} cannot be ended:`);
    if (!isRefusedStop) this.#broken(`${path} met an error: ${problem}`);
  }

  /** Nothing starts once a stop was accepted anywhere above it. */
  #begun(path: string): void {
    for (let above = parentOf(path); above !== null; above = parentOf(above)) {
      if (this.#halted.has(above)) this.#broken(`${path} was started while ${above} stops`);
    }
  }

  #status(path: string, status: Extract<Report, { type: 'supervisor' }>['status']): void {
    if (status === 'stopping') this.#halted.add(path);
    if (status === 'booting') this.#halted.delete(path);
    if (this.#mustFail.has(path) && (status === 'stopped' || status === 'running')) {
      this.#broken(`${path} is ${status} after its budget was exceeded`);
    }
    if (status === 'failed') this.#mustFail.delete(path);
  }

  #restarting(path: string, restarts: number): void {
    const limits = this.#limits.get(parentOf(path) ?? '');
    if (limits === undefined || limits.onExhausted === 'cooldown') return;
    if (restarts > limits.maxRestarts) this.#broken(`${path} restarts ${restarts} times of ${limits.maxRestarts}`);
  }

  #lifetime(path: string, stage: 'created' | 'removed'): void {
    const known = this.#progress.get(path);
    if (stage === 'removed') {
      this.removed.add(path);
      if (known === undefined) this.#broken(`${path} was removed before it was created`);
      if (known?.stage === 'started' || known?.stage === 'ready') this.#broken(`${path} was removed while it runs`);
    }
    const incarnation = known?.stage === 'removed' ? 0 : (known?.incarnation ?? 0);
    this.#progress.set(path, { incarnation, stage });
  }

  /** A sub-state is told of the state that was told before, once, and not of an agent at rest. */
  #moved(path: string, state: string, detail: string): void {
    const last = this.#places.get(path);
    const right =
      last?.state === state && last.detail !== detail && detail.startsWith(`${state}.`) && !AT_REST.has(state);
    if (!right) this.#broken(`${path} is ${detail} after ${last?.state} ${last?.detail}`);
    this.#places.set(path, { state, detail });
  }

  /** created < started < ready < exited < removed; what never ran exits without a start. */
  #progressed(path: string, stage: 'started' | 'ready' | 'exited', incarnation: number): void {
    const known = this.#progress.get(path);
    if (known === undefined) return this.#broken(`${path} is ${stage} before it was created`);
    const next = incarnation > known.incarnation && (known.stage === 'created' || known.stage === 'exited');
    const same = incarnation === known.incarnation;
    const right = {
      started: next,
      ready: same && known.stage === 'started',
      exited: next || (same && (known.stage === 'started' || known.stage === 'ready')),
    }[stage];
    if (!right) this.#broken(`${path}#${incarnation} ${stage} after #${known.incarnation} ${known.stage}`);
    this.#progress.set(path, { incarnation, stage });
  }

  /** P1: a static supervisor asks one after another, the last one first. */
  #askedToStop(path: string, parent: string): void {
    const view = this.tree?.supervisor(parent).view() as SupervisorView;
    if (view.kind === 'pool') return;
    if (!view.children.some((child) => child.path === path && isUp(child))) return;
    const younger = view.children.slice(view.children.findIndex((child) => child.path === path) + 1);
    const up = younger.filter((child) => !isAtRest(child) && !this.#zombies.has(child.path)).map((child) => child.path);
    if (up.length > 0) this.#broken(`${path} was asked to stop before ${up.join(', ')} were down`);
  }

  #broken(what: string): void {
    this.violations.push(what);
  }
}

const AT_REST = new Set(['stopped', 'failed', 'completed', 'zombie', 'idle']);

/** What is only starting is called off at once, whatever its turn. */
const UP = new Set(['running', 'paused']);

/** Nobody has asked it to stop so far. */
function isUp(view: TreeView): boolean {
  return UP.has(view.kind === 'agent' ? view.state : view.status);
}

function isAtRest(view: TreeView): boolean {
  return AT_REST.has(view.kind === 'agent' ? view.state : view.status);
}
