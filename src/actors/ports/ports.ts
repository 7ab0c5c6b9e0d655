import type { Clock } from '../../contract/clock.js';
import { holdersOf } from '../../drivers/proc/holder.js';
import { ephemeralPorts } from '../../drivers/proc/system.js';
import { SupertreeError } from '../../errors.js';
import {
  choosePort,
  chooseRange,
  confirmPort,
  createLeaseTable,
  DEFAULT_BASE,
  holdPort,
  incarnationKey,
  type Lease,
  type LeaseTable,
  MAX_PORT,
  type PortRange,
  rangeText,
  refusePort,
  releasePorts,
} from '../../model/lease.js';
import type { Problem } from '../../model/problem.js';
import type { ReportBody } from '../../model/report.js';
import type { PortRequest } from '../../model/spec.js';
import { invalidSpec } from '../../model/validate.js';
import { createBinder } from './binding.js';
import { createPortClaims, type PortClaims } from './port-claims.js';

export interface PortOptions {
  /** The lowest port. If not given, 8100. */
  readonly base?: number;
  /** The number of ports from `base` on. If not given, 10000, or fewer where the ephemeral range begins earlier. */
  readonly count?: number;
  /** Whether ports may be in the kernel's ephemeral range. If not given, false. */
  readonly allowEphemeral?: boolean;
  /** How long a port is kept from other agents after an unclean end, in ms. If not given, 2000. */
  readonly quarantine?: number;
}

/**
 * Leases ports to incarnations. No port is leased twice at a time, not even by two trees in one program or in two; each was bound on every local
 * address before it is leased. Ports of other trees are skipped. A port that a foreign process holds is reported as `port-conflict` and not tried
 * again for 30 s.
 */
export interface Ports {
  /**
   * Leases all requested ports of one incarnation or none, by name and in the order of the requests. A repeated call for the same incarnation has the
   * same result. Rejects PORTS_EXHAUSTED, PORT_RANGE (only if no range was given), SUPERSEDED when it was released meanwhile, DIRECTORY_UNUSABLE when
   * there is no safe directory for claims, INTERNAL when the system allows no bind at all. `held`: ports that the incarnation has from an earlier program, by
   * name: they are not verified. If not given, none.
   */
  lease(
    path: string,
    incarnation: number,
    requests: readonly PortRequest[],
    held?: Readonly<Record<string, number>>,
  ): Promise<Record<string, number>>;
  /**
   * Ends the leases of that incarnation, or cancels the pending lease. Stale incarnations are ignored. After a clean end the ports are free at once;
   * otherwise only the same agent can get them within the quarantine.
   */
  release(path: string, incarnation: number, clean: boolean): void;
  /** All leases, lowest port first, including pending ones. */
  leases(): Lease[];
}

/**
 * Ports for one tree. `report` is called for every conflict, some time after it; it must not throw. Throws PORT_RANGE when the given range overlaps the
 * ephemeral one (if no range is given, `lease` rejects with it), SPEC_INVALID for other options.
 */
export function createPorts(
  options: PortOptions,
  clock: Clock,
  report: (path: string, body: ReportBody) => void,
): Ports {
  checkOptions(options);
  const { range, ephemeral, refusal } = portsOf(options);
  if (refusal !== null && (options.base !== undefined || options.count !== undefined)) throw refusal;
  const table = createLeaseTable({
    range,
    ephemeral: options.allowEphemeral ? null : ephemeral,
    quarantine: options.quarantine ?? QUARANTINE,
    avoidance: AVOIDANCE,
  });
  const claims = createPortClaims();
  const shared: SharedLeases = { table, clock, claims, bind: createBinder(), conflict: createConflicts(report) };
  const jobs = new Map<string, Job>();
  return {
    lease(path, incarnation, requests, held = {}) {
      if (requests.length === 0) return Promise.resolve({});
      if (refusal !== null) return Promise.reject(refusal);
      const key = incarnationKey(path, incarnation);
      const known = jobs.get(key);
      if (known !== undefined && !known.cancelled) return known.ports;
      const job: Job = { path, incarnation, cancelled: false, done: false, ports: NONE };
      jobs.set(key, job);
      const forget = (): void => {
        if (jobs.get(key) === job) jobs.delete(key);
      };
      // A new agent under the path of an agent that was just forgotten must not see the rejection of that one's cancelled lease.
      const before = known?.ports.catch(() => NONE) ?? NONE;
      job.ports = before.then(() => acquireAll(shared, job, requests, held, forget));
      return job.ports;
    },
    release(path, incarnation, clean) {
      const key = incarnationKey(path, incarnation);
      const job = jobs.get(key);
      if (job === undefined) return;
      // Its probe socket may be open on the port at this moment: the next incarnation would take it for a foreign process. So acquireAll releases.
      if (!job.done) {
        job.cancelled = true;
        return;
      }
      jobs.delete(key);
      endLeases(shared, job, clean);
    },
    leases: () => [...table.leases.values()].sort((a, b) => a.port - b.port),
  };
}

/** The ports that agents get, those that the kernel gives to outgoing connections, and PORT_RANGE when both overlap. */
interface ChosenPorts {
  readonly range: PortRange;
  readonly ephemeral: PortRange;
  readonly refusal: SupertreeError | null;
}

/** The ports of a tree without options. */
export function defaultPorts(): ChosenPorts {
  return portsOf({});
}

function portsOf(options: PortOptions): ChosenPorts {
  const ephemeral = ephemeralRange();
  const { range, refused } = chooseRange(options, ephemeral);
  const texts = { range: rangeText(range), ephemeral: rangeText(ephemeral) };
  return { range, ephemeral, refusal: refused ? new SupertreeError('PORT_RANGE', texts) : null };
}

/** The state that all leases of a tree share. */
interface SharedLeases {
  readonly table: LeaseTable;
  readonly clock: Clock;
  readonly claims: PortClaims;
  readonly bind: ReturnType<typeof createBinder>;
  readonly conflict: (path: string, port: number, code: string) => void;
}

/** The lease of one incarnation, from the request to the release. */
interface Job {
  readonly path: string;
  readonly incarnation: number;
  cancelled: boolean;
  done: boolean;
  ports: Promise<Record<string, number>>;
}

/** Acquires one port after the other, so that no probe socket is left open when one fails. */
async function acquireAll(
  shared: SharedLeases,
  job: Job,
  requests: readonly PortRequest[],
  held: Readonly<Record<string, number>>,
  forget: () => void,
): Promise<Record<string, number>> {
  try {
    const ports: [string, number][] = [];
    for (const request of requests) {
      const port = held[request.name];
      const isHeld = port !== undefined && holdPort(shared.table, job.path, job.incarnation, request.name, port);
      ports.push([request.name, isHeld ? await keep(shared, port) : await acquire(shared, job, request)]);
    }
    refuseCancelled(job);
    job.done = true;
    return Object.fromEntries(ports);
  } catch (error) {
    forget();
    endLeases(shared, job, true);
    throw error;
  }
}

/** Ports in quarantine stay claimed, so that other trees do not get them either. */
function endLeases({ table, clock, claims }: SharedLeases, { path, incarnation }: Job, clean: boolean): void {
  for (const port of releasePorts(table, path, incarnation, clean, clock.now()))
    claims.release(port, clean ? 0 : table.quarantine);
}

/** Keeps a port that the agent of an earlier program listens on, even if another tree has claimed it since that program ended. */
async function keep({ table, claims }: SharedLeases, port: number): Promise<number> {
  await claims.claim(port, false);
  confirmPort(table, port);
  return port;
}

async function acquire(shared: SharedLeases, job: Job, request: PortRequest): Promise<number> {
  const { table, clock, claims } = shared;
  const choose = (heedsHints: boolean) =>
    choosePort(table, job.path, job.incarnation, request, clock.now(), heedsHints);
  for (let hints = 0; ; ) {
    const unhinted = hints < MAX_HINTS ? choose(true) : null;
    const port = unhinted ?? choose(false);
    if (port === null) throw new SupertreeError('PORTS_EXHAUSTED', { agent: job.path, range: rangeText(table.range) });
    const claimed = await claims.claim(port, unhinted !== null);
    const result = claimed === null ? await shared.bind(port) : claimed;
    refuseCancelled(job);
    if (result === null) {
      confirmPort(table, port);
      return port;
    }
    if (claimed === 'hinted') hints += 1;
    // Another tree has it, and may give it back at any time: so it is no conflict, and soon tried again.
    if (claimed !== null) refusePort(table, port, clock.now(), CLAIMED_AVOIDANCE, claimed === 'hinted');
    else refuse(shared, job, port, result);
  }
}

function refuseCancelled({ path, cancelled }: Job): void {
  if (cancelled) throw new SupertreeError('SUPERSEDED', { agent: path, by: 'a stop' });
}

function refuse({ table, clock, claims, conflict }: SharedLeases, job: Job, port: number, problem: string): void {
  if (!TAKEN.has(problem)) throw new SupertreeError('INTERNAL', { problem: `no port can be bound: ${problem}` });
  refusePort(table, port, clock.now());
  claims.release(port, 0);
  conflict(job.path, port, problem);
}

/** Finding a holder reads all of /proc: conflicts that occur meanwhile are collected and looked up together. */
function createConflicts(report: (path: string, body: ReportBody) => void): SharedLeases['conflict'] {
  let waiting: { path: string; port: number; code: string }[] = [];
  let busy = false;
  const work = async () => {
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const holders = await holdersOf(batch.map(({ port }) => port));
      for (const { path, port, code } of batch) {
        const holder = code === 'EADDRINUSE' ? (holders.get(port) ?? '') : `the system (${code})`;
        report(path, { type: 'port-conflict', port, holder });
      }
    }
    busy = false;
  };
  return (path, port, code) => {
    waiting.push({ path, port, code });
    if (!busy) void work();
  };
}

/** The ports that the kernel gives to outgoing connections; Linux's default when they cannot be read. */
function ephemeralRange(): PortRange {
  const [first, last] = ephemeralPorts() ?? LINUX_DEFAULT;
  return { first, last };
}

function checkOptions({ base, count, quarantine }: PortOptions): void {
  const problems: Problem[] = [];
  const check = (path: string, got: number | undefined, min: number, max: number) => {
    if (got === undefined || (Number.isInteger(got) && got >= min && got <= max)) return;
    problems.push({ path, rule: `must be an integer from ${min} to ${max}`, got });
  };
  check('ports.base', base, 1, MAX_PORT);
  if (problems.length === 0) check('ports.count', count, 1, MAX_PORT - (base ?? DEFAULT_BASE) + 1);
  check('ports.quarantine', quarantine, 0, Number.MAX_SAFE_INTEGER);
  if (problems.length > 0) throw invalidSpec(problems);
}

const NONE: Promise<Record<string, number>> = Promise.resolve({});
const QUARANTINE = 2_000;
const AVOIDANCE = 30_000;

/** For how long a port of another tree is not tried again, in ms. */
const CLAIMED_AVOIDANCE = 1_000;

/** The most ports that one lease skips because a tree of another user seems to have them: a user that takes all the names must not block leases. */
const MAX_HINTS = 256;
const LINUX_DEFAULT = [32_768, 60_999] as const;

/** The error codes that concern this port, and not every port. */
const TAKEN: ReadonlySet<string> = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'EPERM']);
