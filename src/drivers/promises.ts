import type { DriverName } from '../model/driver-name.js';

/** One promise, and for each driver `true` or the reason why it cannot keep it. */
export interface DriverPromise extends Readonly<Record<DriverName, true | string>> {
  /** A whole sentence. */
  readonly promise: string;
}

const OUTSIDE = 'a process that is killed cannot end others';

/** What the drivers for processes promise beyond the contract of all drivers (driver.ts). The contract suite tests every cell; docs/drivers.md shows them. */
export const DRIVER_PROMISES = {
  programKilled: {
    promise:
      'When the program is ended by SIGKILL, or by another signal that it does not handle, its agents are ended by their stop stages.',
    keeper: true,
    local: `${OUTSIDE}: the agents run on`,
  },
  threadEnded: {
    promise: 'When the worker thread that runs the tree is terminated, its agents are ended by their stop stages.',
    keeper: true,
    local: 'Node runs no code of a thread that is terminated: the agents run on',
  },
  strangers: {
    promise:
      'A descendant is found even if it shares neither session, parent nor environment with its agent and nobody has looked at it before.',
    keeper: true,
    local: 'it looks for descendants from outside, and sees what it looks at',
  },
  descriptors: {
    promise:
      'Agents inherit no descriptor that the program itself has inherited, such as a lock or a listening socket.',
    keeper: true,
    local: 'Node closes those below 16, but above only up to the first number that is free',
  },
  notifySocket: {
    promise:
      'An agent with readiness or liveness `notify` has a NOTIFY_SOCKET, see sd_notify(3), beside the descriptor in SUPERTREE_NOTIFY_FD; only processes of the agent are believed.',
    keeper: true,
    local: 'Node has no datagram sockets of this kind: there is the descriptor alone',
  },
  realTimeSignals: {
    promise: 'The exit record names a real-time signal that has ended the agent, such as SIGRTMIN+2.',
    keeper: true,
    local: 'Node knows no names for them and reports the code 0',
  },
  mergedOutput: {
    promise: 'With `output.order` merged, standard output and standard error are one pipe.',
    keeper: true,
    local: 'Node makes a pipe for each; the start of such an agent fails',
  },
  terminals: {
    promise: 'With `stdin` pty, an agent has a terminal of its own, whose size can be changed.',
    keeper: true,
    local: 'Node makes no terminals; the start of such an agent fails',
  },
  attributes: {
    promise: 'An agent may have a `user`, `group`, `umask`, `nice`, `rlimits` and `oomScoreAdj` of its own.',
    keeper: true,
    local: 'Node can start no child with others than its own; the start of such an agent fails',
  },
  noOtherProcess: {
    promise: 'No process beside the program is needed, and no native code.',
    keeper:
      'the keeper is a process of Node with the package koffi; a keeper that is killed takes its agents with it, whose exits are then `lost`',
    local: true,
  },
} as const satisfies Record<string, DriverPromise>;
