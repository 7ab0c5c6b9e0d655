import type { InspectionEvent } from 'xstate';
import type { Clock } from '../contract/clock.js';
import type { Store } from '../contract/store.js';
import type { Driver } from '../drivers/driver.js';
import type { DriverName } from '../model/driver-name.js';
import type { PortOptions, Ports } from './ports/ports.js';

export interface TreeOptions {
  /** The range that ports are leased from. If not given, from 8100 upwards. */
  readonly ports?: PortOptions;
  /** Agents get it as SUPERTREE_ENDPOINT. If not given, the variable is not set. */
  readonly endpoint?: string;
  /** Receives XState's inspection events of every actor. May throw: the error is reported. If not given, nothing is inspected. */
  readonly inspect?: (event: InspectionEvent) => void;
  /** The interval of samples of agents with limits, in ms. If not given, 2000. */
  readonly samplePeriod?: number;
  /** The clock of the tree. If not given, the machine's. */
  readonly clock?: Clock;
  /** Returns a random number in [0, 1), for the jitter of delays. If not given, Math.random. */
  readonly random?: () => number;
  /** Leases ports instead of `ports`. If not given, each port is verified by binding it on this machine. */
  readonly leases?: Ports;
  /**
   * Whether SIGINT, SIGTERM and SIGHUP stop the tree in reverse order before they end the program. A second one, a second later, kills the remaining
   * agents. When every such tree of the program has ended the signal is raised again, so that it ends the program (a shell sees 128 and its number),
   * unless the program has a listener of its own for it. Not for worker threads, which receive no signals. If not given, false: signals to the program
   * do not affect the tree.
   */
  readonly signals?: boolean;
  /**
   * Runs the commands: `'keeper'`, below a process of its own, which ends them when this program ends, also by SIGKILL (docs/drivers.md); `'local'`, as
   * child processes of this process; or a driver of your own. If not given, `'keeper'` where it can run, else `'local'`, which is reported.
   */
  readonly driver?: DriverName | Driver;
  /** Runs tasks and logics. If not given, this process. */
  readonly bodies?: Driver;
  /**
   * Keeps what a later program must know to go on with the tree, and has what an earlier one has left. With a driver that keeps agents (`openState`) they
   * are taken over. If not given, every tree begins anew.
   */
  readonly store?: Store;
}
