import type { SupervisorHandle, SupervisorView, Tree } from '../../../src/contract/view.js';
import { asSupertreeError } from '../../../src/errors.js';
import type { ChildRow } from '../../../src/model/fact.js';
import type { AgentInput, NodeInput, PoolInput, SupervisorInput } from '../../../src/model/input.js';
import { createWorld } from '../../actors/fake-world.js';
import type { Place, Places } from './place.js';

/*
 * Performs histories in the text format of script.ts with a whole tree: supervisors that are children of supervisors, and pools. The agents are those of
 * the fake driver: each is ready, and gone, when a step says so.
 */

const OTP = { otpExact: true, start: 'sequence', within: 1_000_000_000 } as const;
const AGENT = { command: ['true'], readiness: { type: 'notify' }, stop: 'infinity' } as const;
const CODES: Readonly<Record<string, number>> = { normal: 0, abnormal: 1 };
const UNREAD: ReadonlySet<string> = new Set(['SUPERSEDED', 'SUPERVISOR_ENDED', 'SUPERVISOR_NOT_FOUND']);

/** The child of a text: `a:transient!`, `a:transient!=STRATEGY/INTENSITY/AUTO_SHUTDOWN/x:permanent,y:temporary`, `a:transient!=pool/INTENSITY/RESTART`. */
export function nodeOf(text: string): NodeInput {
  const [child = '', below] = text.split('=');
  const [id = '', restart = ''] = child.replace('!', '').split(':');
  const common = { id, restart: restart as AgentInput['restart'], significant: child.endsWith('!') };
  if (below === undefined) return { ...common, ...AGENT } as AgentInput;
  const [strategy, intensity, third = '', children = ''] = below.split('/');
  const flags = { ...common, maxRestarts: Number(intensity) };
  const { within, otpExact } = OTP;
  if (strategy === 'pool')
    return { ...flags, within, otpExact, pool: { agent: { ...AGENT, restart: third } } } as unknown as PoolInput;
  return { ...flags, ...supervisorOf(strategy, intensity, third, children.split(',').filter(Boolean)) } as NodeInput;
}

function supervisorOf(
  strategy = '',
  intensity = '',
  autoShutdown = '',
  children: readonly string[] = [],
): SupervisorInput {
  const flags = { ...OTP, strategy, maxRestarts: Number(intensity), autoShutdown };
  return { ...flags, children: children.map(nodeOf) } as SupervisorInput;
}

interface Call {
  readonly path: string;
  answer: string;
}

/** A tree in one history. */
export class TreePlayer {
  readonly tree: Tree;
  readonly driver: ReturnType<typeof createWorld>['driver'];
  readonly #clock: ReturnType<typeof createWorld>['clock'];
  readonly #calls: Call[] = [];
  readonly #ready = new Set<string>();
  readonly #stopping = new Set<string>();
  #boot = 'pending';
  #noted = 0;
  #seen = 0;
  #shown: readonly string[] = [];

  /** `line`: the first line of the history. `begin` boots. */
  constructor(line: string) {
    const [, strategy, intensity, autoShutdown, ...children] = line.split(' ');
    const script = { '*': { readyIn: Number.POSITIVE_INFINITY, stopsIn: Number.POSITIVE_INFINITY } };
    const { tree, driver, clock } = createWorld(supervisorOf(strategy, intensity, autoShutdown, children), { script });
    this.tree = tree;
    this.driver = driver;
    this.#clock = clock;
  }

  async begin(): Promise<void> {
    this.tree.start().then(
      () => {
        this.#boot = 'booted';
      },
      (thrown) => {
        this.#boot = asSupertreeError(thrown).code;
      },
    );
    await this.#clock.settle();
    this.#note('begin', '');
  }

  async perform(line: string): Promise<void> {
    const [verb = '', name = '', reason = ''] = line.split(' ');
    const path = `root/${name}`;
    if (verb === 'ready') this.driver.ready(path);
    else if (verb === 'fail') this.driver.crash(path, { code: 1 });
    else if (verb === 'gone' || verb === 'exit') this.driver.crash(path, { code: CODES[reason] as number });
    else if (verb === 'halt') void this.tree.stop();
    else this.#call(verb, name);
    await this.#clock.settle();
    this.#note(verb, name);
  }

  /** The agents that are up, are being started, or are being stopped. */
  agents(phase: 'up' | 'starting' | 'stopping'): string[] {
    const names = this.driver.lives().map((life) => life.path.slice('root/'.length));
    return names.filter((name) => this.#phaseOf(name) === phase);
  }

  /** The supervisors that run, by path, the root with an empty one. */
  supervisors(): [path: string, handle: SupervisorHandle][] {
    const running = [...this.places().values()].filter(({ status }) => status === 'running');
    return running
      .map(({ path }): [string, SupervisorHandle] => [path, this.tree.supervisor(rooted(path))])
      .sort(byPath);
  }

  /** Every supervisor and its children, by path. */
  places(): Places {
    const places = new Map<string, Place>();
    const visit = ({ path, status, strategy, children }: SupervisorView): void => {
      const rows = new Map(
        this.tree
          .supervisor(path)
          .which()
          .map((row) => [row.id, row]),
      );
      const name = path.slice('root/'.length);
      places.set(name, { path: name, status, strategy, rows });
      for (const child of children) if (child.kind !== 'agent') visit(child);
    };
    visit(this.tree.view());
    return places;
  }

  get state(): string {
    if (this.#boot === 'pending') return 'busy';
    if (this.tree.status === 'failed' || this.tree.status === 'stopped')
      return this.#boot === 'booted' ? 'shutdown' : 'start-failed';
    const moving = this.driver.lives().some((life) => this.#phaseOf(life.path.slice('root/'.length)) !== 'up');
    return moving || this.tree.status !== 'running' ? 'busy' : 'idle';
  }

  see(): string {
    // The incarnations of an agent that is added again after its removal begin anew.
    const violations = this.driver.violations.filter((violation) => !violation.includes(' follows incarnation '));
    if (violations.length > 0) return `violations: ${violations.join(', ')}`;
    const log = bySupervisor(this.#log());
    const answers = this.#answers();
    const changed = answers.flatMap((answer, at) => (answer === this.#shown[at] ? [] : [`${at + 1} ${answer}`]));
    this.#shown = answers;
    const rows = this.state === 'idle' ? this.supervisors().flatMap(rowsOf) : [];
    return [[this.state, ...log].join(' '), changed.join(', '), ...rows].join('; ');
  }

  #call(verb: string, name: string): void {
    const above = name.split('=', 1)[0]?.split('/').slice(0, -1).join('/') ?? '';
    const call: Call = { path: above, answer: 'pending' };
    this.#calls.push(call);
    this.#ask(verb, above, name.slice(above === '' ? 0 : above.length + 1)).then(
      (answer) => {
        call.answer = answer;
      },
      (thrown) => {
        call.answer = asSupertreeError(thrown).code;
      },
    );
  }

  async #ask(verb: string, above: string, child: string): Promise<string> {
    const handle = this.tree.supervisor(rooted(above));
    if (verb === 'terminate') await handle.terminate(child);
    else if (verb === 'restart') await handle.restart(child);
    else if (verb === 'delete') await handle.delete(child);
    else if (/^\d+$/.test(child)) return (await handle.add()).endsWith(`/${child}`) ? 'ok' : 'another number';
    else await handle.add(nodeOf(child));
    return 'ok';
  }

  /** A supervisor that has ended answers no more. */
  #answers(): string[] {
    return this.#calls.map((call) => {
      if (!UNREAD.has(call.answer)) return call.answer;
      if (this.state === 'busy' && this.#statusOf(call.path) === 'stopping') return 'pending';
      call.answer = 'ended';
      return call.answer;
    });
  }

  #statusOf(path: string): string {
    try {
      return this.tree.supervisor(rooted(path)).view().status;
    } catch {
      return 'gone';
    }
  }

  #log(): string[] {
    const calls = this.driver.calls.slice(this.#seen);
    this.#seen = this.driver.calls.length;
    return calls.flatMap(({ call, path }) => {
      const name = path.slice('root/'.length);
      return call === 'start' ? [`+${name}`] : call === 'ask' ? [`-${name}`] : [];
    });
  }

  #note(verb: string, name: string): void {
    if (verb === 'ready') this.#ready.add(name);
    const calls = this.driver.calls.slice(this.#noted);
    this.#noted = this.driver.calls.length;
    for (const { call, path } of calls) {
      const agent = path.slice('root/'.length);
      if (call === 'start') for (const set of [this.#ready, this.#stopping]) set.delete(agent);
      if (call === 'ask') this.#stopping.add(agent);
    }
  }

  #phaseOf(name: string): 'up' | 'starting' | 'stopping' {
    if (this.#stopping.has(name)) return 'stopping';
    return this.#ready.has(name) ? 'up' : 'starting';
  }
}

/**
 * Supervisors do not wait for each other: what they do in one step has an order for each of them only. And a pool stops its children in any
 * order (P5).
 */
function bySupervisor(log: readonly string[]): string[] {
  const above = (step: string): string => step.slice(1).split('/').slice(0, -1).join('/');
  const place = (step: string): number => Number(/^-.*\/(\d+)$/.exec(step)?.[1] ?? 0);
  return log.toSorted((one, other) => compare(above(one), above(other)) || place(one) - place(other));
}

function byPath([one]: [string, unknown], [other]: [string, unknown]): number {
  return compare(one, other);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function rooted(path: string): string {
  return path === '' ? 'root' : `root/${path}`;
}

function rowsOf([path, handle]: [string, SupervisorHandle]): string[] {
  const isPool = handle.view().kind === 'pool';
  const rows = handle.which();
  const sorted = isPool ? rows.sort((a, b) => Number(a.id) - Number(b.id)) : rows;
  const { specs, active } = handle.count();
  const text = sorted.map(({ id, phase }: ChildRow) => `${id} ${phase}`).join(', ');
  return [`${path === '' ? '' : `${path}: `}${text}`, `${specs}/${active}`];
}

/** The lines of a history with what the tree did at each. */
export async function playTree(lines: readonly string[]): Promise<string[]> {
  const [first = '', ...steps] = lines;
  const player = new TreePlayer(first);
  await player.begin();
  const seen = [`${first} | ${player.see()}`];
  for (const line of steps) {
    await player.perform(line);
    seen.push(`${line} | ${player.see()}`);
  }
  return seen;
}
