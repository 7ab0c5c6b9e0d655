import type { SupervisorInput } from '../../../src/model/input.js';
import type { Reason } from '../../../src/model/reason.js';
import { child, worldOf } from '../family.js';
import { CRASH, START_FAILED, type World } from '../harness.js';

/*
 * Histories as text, a line for each step, which the engine and a supervisor of OTP (otp_histories.erl, which says what the lines mean)
 * live through; each writes behind every line what was seen after it.
 */

const REASONS: Readonly<Record<string, Reason>> = {
  normal: { kind: 'normal' },
  shutdown: { kind: 'shutdown' },
  abnormal: CRASH,
};

/** What is answered, or will be, to a call that the supervisor no longer reads. */
const UNREAD: ReadonlySet<string> = new Set(['SUPERSEDED', 'SUPERVISOR_ENDED']);

/** The engine in one history. */
export class Player {
  readonly world: World;
  readonly #tokens: number[] = [];
  #seen = 0;
  #shown: readonly string[] = [];

  /** `line`: the first line of the history. It boots. */
  constructor(line: string) {
    const [, strategy, intensity, autoShutdown, ...children] = line.split(' ');
    this.world = worldOf(children.join(' '), {
      strategy: strategy as SupervisorInput['strategy'],
      autoShutdown: autoShutdown as SupervisorInput['autoShutdown'],
      maxRestarts: Number(intensity),
      within: 1_000_000_000,
    } as Parameters<typeof worldOf>[1]);
    for (const kind of ['start', 'stop'] as const) this.world.held.add(kind);
    this.world.boot();
  }

  perform(line: string): void {
    const [verb, id = '', reason = ''] = line.split(' ');
    const { world } = this;
    if (verb === 'ready') world.pay('start', id);
    else if (verb === 'fail') this.#end(id, START_FAILED);
    else if (verb === 'gone' || verb === 'exit') this.#end(id, REASONS[reason] as Reason);
    else if (verb === 'add') this.#tokens.push(world.add(child(id)));
    else if (verb === 'terminate') this.#tokens.push(world.command('stop', id));
    else if (verb === 'restart') this.#tokens.push(world.command('restart_child', id));
    else if (verb === 'delete') this.#tokens.push(world.command('delete', id));
    else if (verb === 'halt') world.halt();
    else throw new Error(`no step: ${line}`);
  }

  /** The children that are being started, or stopped. */
  moving(kind: 'start' | 'stop'): string[] {
    return this.world.debts.filter((debt) => debt.kind === kind).map((debt) => debt.name);
  }

  /** By call. */
  #answers(): string[] {
    const closed = this.world.end() === null ? 'pending' : 'ended';
    const words = this.#tokens.map((token) => this.world.answer(token));
    return words.map((word) => (UNREAD.has(word) ? closed : word));
  }

  get state(): string {
    const { world } = this;
    const isBusy = world.debts.length > 0 || world.engine.status !== 'running';
    return world.end() ?? (isBusy ? 'busy' : 'idle');
  }

  /** The state, and what has changed since it was last asked. */
  see(): string {
    const { world, state } = this;
    if (world.violations.length > 0) return `violations: ${world.violations.join(', ')}`;
    const log = world.log.slice(this.#seen);
    this.#seen = world.log.length;
    const answers = this.#answers();
    const changed = answers.flatMap((answer, at) => (answer === this.#shown[at] ? [] : [`${at + 1} ${answer}`]));
    this.#shown = answers;
    return [[state, ...log].join(' '), changed.join(', '), ...(state === 'idle' ? this.#rows() : [])].join('; ');
  }

  #end(id: string, reason: Reason): void {
    this.world.debts = this.world.debts.filter((debt) => debt.name !== id);
    this.world.exit(id, reason);
  }

  #rows(): string[] {
    const rows = this.world.engine.which().map((row) => `${row.id} ${row.phase}`);
    const { specs, active } = this.world.engine.count();
    return [rows.join(', '), `${specs}/${active}`];
  }
}

/** The lines of a history with what the engine did at each. */
export function play(lines: readonly string[]): string[] {
  const [first = '', ...steps] = lines;
  const player = new Player(first);
  const seen = [`${first} | ${player.see()}`];
  for (const line of steps) {
    player.perform(line);
    seen.push(`${line} | ${player.see()}`);
  }
  return seen;
}

/** The lines of each history of a text. */
export function historiesIn(text: string): string[][] {
  const parts = text.split(/^(?=history )/m).filter((part) => part.startsWith('history '));
  return parts.map((part) => part.split('\n').filter((line) => line !== ''));
}

/** A line without what was seen after it. */
export function stepOf(line: string): string {
  return line.split(' | ', 1)[0] as string;
}
