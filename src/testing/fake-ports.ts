import type { Ports } from '../actors/ports/ports.js';
import type { Clock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import {
  choosePort,
  confirmPort,
  createLeaseTable,
  holdPort,
  incarnationKey,
  type Lease,
  type LeaseTable,
  rangeText,
  releasePorts,
} from '../model/lease.js';
import type { PortRequest } from '../model/spec.js';

/** The outcome of the leases of one path. */
export interface FakeLease {
  /** From the request until the answer, in ms. If not given, at once. With `Infinity` it waits for `grant` or `refuse`. */
  readonly grantsIn?: number;
  /** The first so many leases of the path are refused. If not given, none. */
  readonly failsLease?: number;
}

/** Leases by path, with `*` for all others. */
export type FakeLeaseScript = Readonly<Record<string, FakeLease>>;

/** A lease without an answer. */
export interface AskedLease {
  readonly path: string;
  readonly incarnation: number;
  /** It was released meanwhile: it will be rejected. */
  readonly cancelled: boolean;
}

/** Ports without sockets, and methods that answer leases. They act on the oldest pending lease of a path; without one they return false. */
export interface FakePorts extends Ports {
  /** Answers now, with the ports. */
  grant(path: string): boolean;
  /** Answers now, with PORTS_EXHAUSTED. */
  refuse(path: string): boolean;
  /** The leases without an answer, in the order of the requests. */
  asked(): AskedLease[];
  /** How many leases the path has requested. */
  leased(path: string): number;
}

export interface FakePortsOptions {
  /** The lowest port. If not given, 8100. */
  readonly base?: number;
  /** How many ports from there on. If not given, 1000. */
  readonly count?: number;
  /** How long a port is kept from other agents after an unclean end, in ms. If not given, 2000. */
  readonly quarantine?: number;
}

/**
 * Fake port leases for `createTree(input, { leases })`: they choose ports and answer as the real ones do, with times of `clock`. Nothing is bound, so
 * no other process can hold a port. If `script` is not given, every lease is granted at once.
 */
export function createFakePorts(clock: Clock, script: FakeLeaseScript = {}, options: FakePortsOptions = {}): FakePorts {
  return new ScriptedPorts(clock, script, options);
}

interface Job extends AskedLease {
  readonly requests: readonly PortRequest[];
  readonly held: Readonly<Record<string, number>>;
  cancelled: boolean;
  answered: boolean;
  ports: Promise<Record<string, number>>;
  resolve: (ports: Record<string, number>) => void;
  reject: (error: SupertreeError) => void;
}

class ScriptedPorts implements FakePorts {
  readonly #clock: Clock;
  readonly #script: FakeLeaseScript;
  readonly #table: LeaseTable;
  readonly #asked = new Set<Job>();
  /** The newest lease of each incarnation, until it is released. */
  readonly #jobs = new Map<string, Job>();
  readonly #counts = new Map<string, number>();

  constructor(
    clock: Clock,
    script: FakeLeaseScript,
    { base = 8_100, count = 1_000, quarantine = 2_000 }: FakePortsOptions,
  ) {
    this.#clock = clock;
    this.#script = script;
    const range = { first: base, last: base + count - 1 };
    this.#table = createLeaseTable({ range, ephemeral: null, quarantine, avoidance: 0 });
  }

  lease(
    path: string,
    incarnation: number,
    requests: readonly PortRequest[],
    held: Readonly<Record<string, number>> = {},
  ): Promise<Record<string, number>> {
    if (requests.length === 0) return Promise.resolve({});
    const key = incarnationKey(path, incarnation);
    const known = this.#jobs.get(key);
    if (known !== undefined) return known.ports;
    const job = newJob(path, incarnation, requests, held);
    this.#jobs.set(key, job);
    this.#asked.add(job);
    const attempt = this.leased(path) + 1;
    this.#counts.set(path, attempt);
    this.#answerLater(job, attempt);
    return job.ports;
  }

  release(path: string, incarnation: number, clean: boolean): void {
    const key = incarnationKey(path, incarnation);
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    this.#jobs.delete(key);
    if (!job.answered) job.cancelled = true;
    else releasePorts(this.#table, path, incarnation, clean, this.#clock.now());
  }

  leases(): Lease[] {
    return [...this.#table.leases.values()].sort((a, b) => a.port - b.port);
  }

  grant(path: string): boolean {
    const job = this.#oldest(path);
    if (job !== undefined) this.#answer(job, false);
    return job !== undefined;
  }

  refuse(path: string): boolean {
    const job = this.#oldest(path);
    if (job !== undefined) this.#answer(job, true);
    return job !== undefined;
  }

  asked(): AskedLease[] {
    return [...this.#asked].map(({ path, incarnation, cancelled }) => ({ path, incarnation, cancelled }));
  }

  leased(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  #oldest(path: string): Job | undefined {
    return [...this.#asked].find((job) => job.path === path);
  }

  #answerLater(job: Job, attempt: number): void {
    const { grantsIn = 0, failsLease = 0 } = this.#script[job.path] ?? this.#script['*'] ?? {};
    const answer = (): void => this.#answer(job, attempt <= failsLease);
    if (grantsIn > 0) this.#clock.setTimeout(answer, grantsIn);
    else this.#clock.defer(answer);
  }

  #answer(job: Job, refused: boolean): void {
    if (!this.#asked.delete(job)) return;
    job.answered = true;
    if (job.cancelled) return job.reject(new SupertreeError('SUPERSEDED', { agent: job.path, by: 'a stop' }));
    const ports = refused ? null : this.#choose(job);
    if (ports !== null) return job.resolve(ports);
    this.release(job.path, job.incarnation, true);
    job.reject(new SupertreeError('PORTS_EXHAUSTED', { agent: job.path, range: rangeText(this.#table.range) }));
  }

  /** All requested ports or none. */
  #choose({ path, incarnation, requests, held }: Job): Record<string, number> | null {
    const ports: Record<string, number> = {};
    for (const request of requests) {
      const known = held[request.name];
      const isHeld = known !== undefined && holdPort(this.#table, path, incarnation, request.name, known);
      const port = isHeld ? known : choosePort(this.#table, path, incarnation, request, this.#clock.now());
      if (port === null) return null;
      confirmPort(this.#table, port);
      ports[request.name] = port;
    }
    return ports;
  }
}

function newJob(path: string, incarnation: number, requests: readonly PortRequest[], held: Job['held']): Job {
  const { promise, resolve, reject } = withResolvers<Record<string, number>>();
  // The caller of a cancelled lease may not await it: its rejection must not be unhandled.
  promise.catch(() => undefined);
  return { path, incarnation, requests, held, cancelled: false, answered: false, ports: promise, resolve, reject };
}

function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: SupertreeError) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: SupertreeError) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
