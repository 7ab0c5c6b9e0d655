/*
 * Supervisors as children of supervisors, as a small model: each is a reference of its own, and its parent learns that it has booted or ended by a message,
 * which is read when the operation under way is over. A supervisor that is started again is a new one (T5).
 */

import { Reference } from './reference.js';
import { ReferencePool } from './reference-pool.js';
import type { Reply } from './reference-process.js';
import type { Ending, Exit, ReferenceChild, Supervised, Surroundings } from './reference-row.js';

export type Call =
  | { readonly verb: 'add'; readonly child: ReferenceChild }
  | { readonly verb: 'terminate' | 'kill' | 'restart' | 'delete'; readonly id: string };

export class ReferenceTree {
  /** The supervisors that have been started, by path; that of the root is empty. */
  readonly supervisors = new Map<string, Reference | ReferencePool>();
  /** `s start-failed a,b` for each end of a supervisor, with those that it leaves, in order for each of them. */
  readonly ends: string[] = [];
  /** Messages between the supervisors, and those that the last one has caused. */
  readonly #messages: (() => void)[] = [];
  readonly #sent: (() => void)[] = [];
  #isPerforming = false;
  #restarts: { readonly path: string; readonly begin: () => void }[] = [];
  #now = 0;
  /** By pool: the highest number that it has given to an instance. */
  readonly #numbers = new Map<string, number>();

  boot(root: Supervised): void {
    this.#perform(() => this.#start('', root));
  }

  call(path: string, call: Call, reply: Reply): void {
    this.#perform(() => {
      const supervisor = this.supervisors.get(path);
      if (!supervisor) reply('SUPERVISOR_ENDED');
      else if (supervisor instanceof ReferencePool) callPool(supervisor, call, reply);
      else if (call.verb === 'add') supervisor.add(call.child, reply);
      else if (call.verb === 'kill') supervisor.terminate(call.id, reply, true);
      else supervisor[call.verb](call.id, reply);
    });
  }

  /** The start or stop under way of this agent is over. */
  settle(path: string, id: string): void {
    this.#perform(() => this.supervisors.get(path)?.settle(id));
  }

  /** This agent ended by itself. */
  exit(path: string, id: string, reason: Exit): void {
    this.#perform(() => this.supervisors.get(path)?.exit(id, reason));
  }

  /** This agent cannot be ended. */
  condemn(path: string, id: string): void {
    this.#perform(() => this.supervisors.get(path)?.condemn(id));
  }

  halt(kills: boolean): void {
    this.#perform(() => this.supervisors.get('')?.halt(kills));
  }

  /** The next try of each failed restart (R8); then time passes. */
  pass(ms: number): void {
    for (const supervisor of [...this.supervisors.values()]) this.#perform(() => supervisor.again());
    this.#now += ms;
    for (const supervisor of this.supervisors.values()) supervisor.now = this.#now;
  }

  #perform(act: () => void): void {
    this.#sent.push(act);
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    for (let next = this.#next(); next; next = this.#next()) next();
    this.#isPerforming = false;
  }

  /** OTP has no order between supervisors. Here what a message causes comes before messages that were sent earlier, and restarts begin when all messages are read, those of a supervisor above first. */
  #next(): (() => void) | undefined {
    this.#messages.unshift(...this.#sent.splice(0));
    const message = this.#messages.shift();
    if (message) return message;
    const first = this.#restarts.toSorted((one, other) => depthOf(one.path) - depthOf(other.path))[0];
    this.#restarts = this.#restarts.filter((restart) => restart !== first);
    return first?.begin;
  }

  #start(path: string, below: Supervised): void {
    this.#removeBelow(path);
    const supervisor = this.#create(path, below);
    supervisor.now = this.#now;
    this.supervisors.set(path, supervisor);
    if ('pool' in below) (supervisor as ReferencePool).boot();
    else (supervisor as Reference).boot(below.children);
  }

  #create(path: string, below: Supervised): Reference | ReferencePool {
    const around = this.#around(path);
    if ('pool' in below) return new ReferencePool(below.pool, this.#numbers.get(path) ?? 0, around);
    return new Reference(below.flags, { patient: true, slow: true }, around);
  }

  #around(path: string): Surroundings {
    const below = (child: ReferenceChild): string => (path === '' ? child.id : `${path}/${child.id}`);
    return {
      start: (child) => child.below && this.#start(below(child), child.below),
      stop: (child, kills) => child.below && this.#perform(() => this.supervisors.get(below(child))?.halt(kills)),
      quiesce: (child) => child.below && this.#perform(() => this.supervisors.get(below(child))?.quiesce()),
      forget: (child) => child.below && this.#forget(below(child)),
      later: (begin) => this.#restarts.push({ path, begin }),
      booted: () => this.#perform(() => this.#booted(path)),
      ended: (ending, left) => {
        this.ends.push(`${path} ${ending} ${left.join()}`);
        this.#perform(() => (left.length > 0 ? this.#isLeft(path) : this.#ended(path, ending)));
      },
      gone: (ending) => this.#perform(() => this.#ended(path, ending)),
      numbered: (last) => this.#numbers.set(path, last),
    };
  }

  /** Unless its parent has asked it to stop meanwhile. */
  #booted(path: string): void {
    const { parent, id } = this.#parentOf(path);
    const isStarting = parent?.which().some(([other, phase]) => other === id && phase === 'starting');
    if (isStarting) parent?.settle(id);
  }

  #ended(path: string, ending: Ending): void {
    const { parent, id } = this.#parentOf(path);
    parent?.exit(id, ending === 'shutdown' ? 'shutdown' : 'abnormal');
  }

  /** It has ended, and zombies are left below it: it is one itself. */
  #isLeft(path: string): void {
    const { parent, id } = this.#parentOf(path);
    parent?.condemn(id);
  }

  /** The root has none. */
  #parentOf(path: string): { parent: Reference | ReferencePool | undefined; id: string } {
    const steps = path.split('/');
    const id = steps.pop() as string;
    return { parent: path === '' ? undefined : this.supervisors.get(steps.join('/')), id };
  }

  /** A later supervisor at this path is a different one. */
  #forget(path: string): void {
    this.#removeBelow(path);
    this.supervisors.delete(path);
    for (const other of this.#numbers.keys()) if (`${other}/`.startsWith(`${path}/`)) this.#numbers.delete(other);
  }

  #removeBelow(path: string): void {
    const start = path === '' ? '' : `${path}/`;
    for (const other of this.supervisors.keys()) {
      if (other !== path && other.startsWith(start)) this.supervisors.delete(other);
    }
  }
}

function callPool(pool: ReferencePool, call: Call, reply: Reply): void {
  if (call.verb === 'add') pool.add(reply);
  else if (call.verb === 'terminate' || call.verb === 'kill') pool.terminate(call.id, reply, call.verb === 'kill');
  else pool.refuse(reply);
}

function depthOf(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}
