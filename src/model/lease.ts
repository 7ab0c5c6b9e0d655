import type { PortRequest } from './spec.js';

/*
 * The choice of ports. The table is owned by the caller; time is an argument. A port is leased from the moment it is chosen, before it is bound: so two
 * pending leases can never have the same one.
 */

/** Ports from `first` to `last`, both included. Empty when `first` is greater. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface Lease {
  readonly port: number;
  readonly path: string;
  readonly name: string;
  readonly incarnation: number;
}

/** Reserves a port for `owner`, or for no agent, until some time: a quarantine, or a port of a foreign process. */
interface Exclusion {
  readonly until: number;
  readonly owner: string | null;
  /** The port is claimed by an abstract socket only, which any user can make. */
  readonly isHint: boolean;
}

/** The state of all ports. Its size is bounded by the number of ports, not by the number of agents over time. */
export interface LeaseTable {
  readonly range: PortRange;
  /** The kernel's ephemeral range, from which a preferred port is refused; `null` when that is allowed. */
  readonly ephemeral: PortRange | null;
  /** How long a port is kept from other agents after an unclean end, in ms. */
  readonly quarantine: number;
  /** For how long a port of a foreign process is not tried again, in ms. */
  readonly avoidance: number;
  readonly leases: Map<number, Lease>;
  /** The ports of one incarnation. */
  readonly held: Map<string, number[]>;
  readonly exclusions: Map<number, Exclusion>;
  /** The last port of each agent and port name, and the last owner of each port: one to one. */
  readonly sticky: Map<string, number>;
  readonly owners: Map<number, string>;
  /** Every port of the range below this one is leased. */
  lowest: number;
}

/** A table in which every port of the range is free. */
export function createLeaseTable(
  options: Pick<LeaseTable, 'range' | 'ephemeral' | 'quarantine' | 'avoidance'>,
): LeaseTable {
  return {
    ...options,
    leases: new Map(),
    held: new Map(),
    exclusions: new Map(),
    sticky: new Map(),
    owners: new Map(),
    lowest: options.range.first,
  };
}

/**
 * Leases one port: the preferred one if it is free, else the last one of this agent under this name, else the lowest free one of the range. `null` when
 * there is none. After an unclean end the agent itself may have its port back at once: a process that is left on it is found by binding. With
 * `heedsHints` false it may be a port that only a hint excludes. If not given, true.
 */
export function choosePort(
  table: LeaseTable,
  path: string,
  incarnation: number,
  request: PortRequest,
  at: number,
  heedsHints = true,
): number | null {
  const owner = ownerKey(path, request.name);
  const isBarred = (port: number): boolean => {
    const exclusion = exclusionOf(table, port, at);
    return exclusion !== null && exclusion.owner !== owner && (heedsHints || !exclusion.isHint);
  };
  const port =
    [request.preferred, table.sticky.get(owner)].find((p) => mayHave(table, p, isBarred)) ??
    lowestFree(table, isBarred);
  if (port === null || port === undefined) return null;
  holdPort(table, path, incarnation, request.name, port);
  return port;
}

/** Leases this port to an incarnation. False when it is leased already. */
export function holdPort(table: LeaseTable, path: string, incarnation: number, name: string, port: number): boolean {
  if (table.leases.has(port)) return false;
  table.leases.set(port, { port, path, name, incarnation });
  const key = incarnationKey(path, incarnation);
  table.held.set(key, [...(table.held.get(key) ?? []), port]);
  table.exclusions.delete(port);
  return true;
}

/** Notes that the port was bound and is free: its agent gets it again if possible. */
export function confirmPort(table: LeaseTable, port: number): void {
  const lease = table.leases.get(port);
  if (lease === undefined) return;
  const owner = ownerKey(lease.path, lease.name);
  const before = table.owners.get(port);
  const had = table.sticky.get(owner);
  if (before !== undefined) table.sticky.delete(before);
  if (had !== undefined) table.owners.delete(had);
  table.sticky.set(owner, port);
  table.owners.set(port, owner);
}

/**
 * Ends the lease of a port that could not be bound; it is not chosen for `span` ms (if not given, the `avoidance` of the table). When that is only a hint
 * (`isHint`; if not given, false), a choice that does not heed hints may still take it.
 */
export function refusePort(
  table: LeaseTable,
  port: number,
  at: number,
  span: number = table.avoidance,
  isHint = false,
): void {
  const lease = table.leases.get(port);
  if (lease === undefined) return;
  dropLease(table, lease);
  const key = incarnationKey(lease.path, lease.incarnation);
  const rest = (table.held.get(key) ?? []).filter((other) => other !== port);
  if (rest.length > 0) table.held.set(key, rest);
  else table.held.delete(key);
  table.exclusions.set(port, { until: at + span, owner: null, isHint });
}

/** Ends every lease of one incarnation and returns their ports. A stale or unknown incarnation ends nothing. */
export function releasePorts(
  table: LeaseTable,
  path: string,
  incarnation: number,
  clean: boolean,
  at: number,
): readonly number[] {
  const key = incarnationKey(path, incarnation);
  const ports = table.held.get(key) ?? [];
  table.held.delete(key);
  for (const port of ports) {
    const lease = table.leases.get(port);
    if (lease === undefined) continue;
    dropLease(table, lease);
    const owner = ownerKey(lease.path, lease.name);
    if (!clean) table.exclusions.set(port, { until: at + table.quarantine, owner, isHint: false });
  }
  return ports;
}

/** The range as options give it; see `PortOptions`. */
interface RangeChoice {
  readonly base?: number;
  readonly count?: number;
  readonly allowEphemeral?: boolean;
}

/**
 * The range of ports: from 8100, 10000 of them. Without a given count it ends before the ephemeral range. `refused` when it overlaps that range and
 * `allowEphemeral` is not set.
 */
export function chooseRange(choice: RangeChoice, ephemeral: PortRange): { range: PortRange; refused: boolean } {
  const first = choice.base ?? DEFAULT_BASE;
  const wall = !choice.allowEphemeral && first < ephemeral.first ? ephemeral.first - 1 : MAX_PORT;
  const last = choice.count === undefined ? Math.min(first + DEFAULT_COUNT - 1, wall) : first + choice.count - 1;
  const range = { first, last };
  return { range, refused: !choice.allowEphemeral && overlap(range, ephemeral) };
}

/** Identifies one incarnation. No path contains a space. */
export function incarnationKey(path: string, incarnation: number): string {
  return `${path} ${incarnation}`;
}

/** Whether two ranges have a port in common. */
function overlap(a: PortRange, b: PortRange): boolean {
  return Math.max(a.first, b.first) <= Math.min(a.last, b.last);
}

/** The range as text. */
export function rangeText(range: PortRange): string {
  return `${range.first}-${range.last}`;
}

type PortCheck = (port: number) => boolean;

function mayHave(table: LeaseTable, port: number | null | undefined, isBarred: PortCheck): port is number {
  if (port === null || port === undefined || table.leases.has(port)) return false;
  if (table.ephemeral !== null && overlap({ first: port, last: port }, table.ephemeral)) return false;
  return !isBarred(port);
}

function lowestFree(table: LeaseTable, isBarred: PortCheck): number | null {
  while (table.lowest <= table.range.last && table.leases.has(table.lowest)) table.lowest++;
  for (let port = table.lowest; port <= table.range.last; port++)
    if (!table.leases.has(port) && !isBarred(port)) return port;
  return null;
}

/** The present exclusion of a port; `null` for none. An expired one is removed. */
function exclusionOf(table: LeaseTable, port: number, at: number): Exclusion | null {
  const exclusion = table.exclusions.get(port);
  if (exclusion === undefined) return null;
  if (at < exclusion.until) return exclusion;
  table.exclusions.delete(port);
  return null;
}

function dropLease(table: LeaseTable, lease: Lease): void {
  table.leases.delete(lease.port);
  if (lease.port >= table.range.first) table.lowest = Math.min(table.lowest, lease.port);
}

function ownerKey(path: string, name: string): string {
  return `${path} ${name}`;
}

/** The default base of the range. */
export const DEFAULT_BASE = 8_100;

/** The highest port there is. */
export const MAX_PORT = 65_535;

const DEFAULT_COUNT = 10_000;
