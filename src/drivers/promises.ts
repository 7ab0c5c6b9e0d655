import type { DriverName } from '../model/driver-name.js';

/** Whoever makes promises: the drivers, and the keeper where koffi cannot be loaded. */
export const PROMISERS = ['keeper', 'keeper without koffi', 'local'] as const satisfies readonly (
  | DriverName
  | 'keeper without koffi'
)[];

export type Promiser = (typeof PROMISERS)[number];

/** One promise, and for each driver `true` or the reason why it cannot keep it. */
export interface DriverPromise extends Readonly<Record<Promiser, true | string>> {
  /** A whole sentence. */
  readonly promise: string;
  /** What is missing without it, in a few words. */
  readonly missing: string;
}

const OUTSIDE = 'a process that is killed cannot end others';

/* Reasons that hold wherever processes are started by child_process. */
const OUTSIDE_VIEW = 'it looks for descendants from outside, and sees what it looks at';
const NO_DATAGRAMS = 'Node has no datagram sockets of this kind: there is the descriptor alone';
const NO_NAMES = 'Node knows no names for them and reports the code 0';
const NO_MERGE = 'Node makes a pipe for each; the start of such an agent fails';
const NO_TERMINALS = 'Node makes no terminals; the start of such an agent fails';
const NO_ATTRIBUTES = 'Node can start no child with others than its own; the start of such an agent fails';

/** What the drivers for processes promise beyond the contract of all drivers (driver.ts). The contract suite tests every cell; docs/drivers.md shows them. */
export const DRIVER_PROMISES = {
  programKilled: {
    promise:
      'When the program is ended by SIGKILL, or by another signal that it does not handle, its agents are ended by their stop stages.',
    missing: 'ends of agents with a killed program',
    keeper: true,
    'keeper without koffi': true,
    local: `${OUTSIDE}: the agents run on`,
  },
  threadEnded: {
    promise: 'When the worker thread that runs the tree is terminated, its agents are ended by their stop stages.',
    missing: 'ends of agents with a worker thread',
    keeper: true,
    'keeper without koffi': true,
    local: 'Node runs no code of a thread that is terminated: the agents run on',
  },
  strangers: {
    promise:
      'A descendant is found even if it shares neither session, parent nor environment with its agent and nobody has looked at it before.',
    missing: 'descendants that share neither session, parent nor environment with their agent',
    keeper: true,
    'keeper without koffi': OUTSIDE_VIEW,
    local: OUTSIDE_VIEW,
  },
  descriptors: {
    promise:
      'Agents inherit no descriptor that the program itself has inherited, such as a lock or a listening socket.',
    missing: 'protection from inherited descriptors',
    keeper: true,
    'keeper without koffi': true,
    local: 'Node closes those below 16, but above only up to the first number that is free',
  },
  notifySocket: {
    promise:
      'An agent with readiness or liveness `notify` has a NOTIFY_SOCKET, see sd_notify(3), beside the descriptor in SUPERTREE_NOTIFY_FD; only processes of the agent are believed.',
    missing: 'NOTIFY_SOCKET',
    keeper: true,
    'keeper without koffi': NO_DATAGRAMS,
    local: NO_DATAGRAMS,
  },
  realTimeSignals: {
    promise: 'The exit record names a real-time signal that has ended the agent, such as SIGRTMIN+2.',
    missing: 'names of real-time signals',
    keeper: true,
    'keeper without koffi': NO_NAMES,
    local: NO_NAMES,
  },
  mergedOutput: {
    promise: 'With `output.order` merged, standard output and standard error are one pipe.',
    missing: 'merged output',
    keeper: true,
    'keeper without koffi': NO_MERGE,
    local: NO_MERGE,
  },
  terminals: {
    promise: 'With `stdin` pty, an agent has a terminal of its own, whose size can be changed.',
    missing: 'terminals',
    keeper: true,
    'keeper without koffi': NO_TERMINALS,
    local: NO_TERMINALS,
  },
  attributes: {
    promise: 'An agent may have a `user`, `group`, `umask`, `nice`, `rlimits` and `oomScoreAdj` of its own.',
    missing: '`user`, `group`, `umask`, `nice`, `rlimits` and `oomScoreAdj`',
    keeper: true,
    'keeper without koffi': NO_ATTRIBUTES,
    local: NO_ATTRIBUTES,
  },
  noOtherProcess: {
    promise: 'No process beside the program is needed, and no native code.',
    missing: 'a program without another process',
    keeper:
      'the keeper is a process of Node with the package koffi; a keeper that is killed takes its agents with it, whose exits are then `lost`',
    'keeper without koffi':
      'the keeper is a process of Node; a keeper that is killed takes its agents with it, whose exits are then `lost`',
    local: true,
  },
} as const satisfies Record<string, DriverPromise>;

/** What is missing where koffi cannot be loaded, as the end of a sentence. */
export function missingWithoutKoffi(): string {
  const rows: DriverPromise[] = Object.values(DRIVER_PROMISES);
  const weaker = rows.filter((row) => row.keeper === true && row['keeper without koffi'] !== true);
  return weaker.map(({ missing }) => missing).join(', ');
}

/** What a tree reports when its keeper works without native code. `reason`: why. */
export function weaknessText(reason: string): string {
  return `the keeper works without koffi (${reason}), and so without: ${missingWithoutKoffi()}; see docs/drivers.md`;
}
