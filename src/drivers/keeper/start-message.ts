import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { usesNotify } from '../../model/liveness.js';
import type { StartOrder } from '../driver.js';
import { NOTIFY_FD } from '../local/notify-channel.js';
import { signalOf } from '../local/signals.js';
import { directoryProblem, spawnProblem } from '../local/spawn.js';
import { optionProblem } from '../option-problem.js';
import { DRIVER_PROMISES, type Promiser } from '../promises.js';
import { accountOf } from './account.js';
import { errorName } from './error-name.js';
import { execChain } from './exec-chain.js';
import { MAX_MESSAGE } from './protocol/codec.js';
import type { ToKeeper } from './protocol/messages.js';

type StartMessage = Extract<ToKeeper, { type: 'start' }>;

/** The message that starts the incarnation of an order as agent `agent`; as text, why it cannot run. `promiser`: the keeper, with native code or without. */
export function startMessage(agent: number, order: StartOrder, promiser: Promiser): StartMessage | string {
  const problem = optionProblem(promiser, order.spec) ?? directoryProblem(order.cwd);
  if (problem !== null) return problem;
  const chain = execChain(order);
  if (typeof chain === 'string') return chain;
  const argv = stringBlock([...chain.words, ...order.command]);
  const hasSocket = usesNotify(order.spec) && DRIVER_PROMISES.notifySocket[promiser] === true;
  const socket = hasSocket ? `supertree-notify-${randomBytes(16).toString('hex')}` : '';
  const env = stringBlock(environmentOf(order, chain.env, socket));
  if (argv === null || env === null || order.cwd?.includes('\0')) {
    return spawnProblem({ code: 'ERR_INVALID_ARG_VALUE' }, order);
  }
  if (argv.length + env.length + OTHER_FIELDS > MAX_MESSAGE) return spawnProblem({ code: 'E2BIG' }, order);
  const { stop, output, process: options } = order.spec;
  return {
    type: 'start',
    agent,
    path: order.path,
    incarnation: order.incarnation,
    argv,
    env,
    cwd: directoryOf(order),
    token: order.token,
    stdin: options.stdin,
    columns: options.pty.columns,
    rows: options.pty.rows,
    owner: options.user === null ? null : (accountOf(options.user)?.uid ?? null),
    notify: usesNotify(order.spec),
    socket,
    merged: output.order === 'merged',
    umask: options.umask,
    nice: options.nice,
    oomScoreAdj: options.oomScoreAdj,
    closeInput: stop.brutal ? 0 : (stop.closeInput ?? 0),
    mainOnly: stop.scope === 'main',
    signal: constants.signals[stop.brutal ? 'SIGKILL' : signalOf(stop.signal)],
    ask: stop.ask,
    insist: stop.insist,
    history: Math.min(output.bytes, HISTORY),
    lineBytes: Math.min(output.lineBytes, output.bytes),
  };
}

function environmentOf(
  { env: environment, token, spec }: StartOrder,
  ofUser: Readonly<Record<string, string>>,
  socket: string,
): string[] {
  const notify = usesNotify(spec) && {
    SUPERTREE_NOTIFY_FD: NOTIFY_FD,
    ...(socket !== '' && { NOTIFY_SOCKET: `@${socket}` }),
  };
  const own = { ...ofUser, SUPERTREE_TOKEN: token, ...notify };
  // A SUPERTREE_NOTIFY_FD that we inherited ourselves means another descriptor.
  const isOthers = (name: string) => name !== 'SUPERTREE_NOTIFY_FD' && !Object.hasOwn(own, name);
  const others = Object.entries(environment()).filter(([name]) => isOthers(name));
  return [...others, ...Object.entries(own)].map(([name, value]) => `${name}=${value}`);
}

/** The keeper has another working directory than this program, whose own may have been removed: then it has no path, but is still in /proc. */
function directoryOf({ cwd }: StartOrder): string {
  try {
    return resolve(cwd ?? '');
  } catch {
    return `/proc/${process.pid}/cwd`;
  }
}

/** Strings as those of C: one after another, each ended by a null byte. `null` when one contains a null byte itself. */
function stringBlock(strings: readonly string[]): Buffer | null {
  if (strings.some((each) => each.includes('\0'))) return null;
  return Buffer.from(strings.map((each) => `${each}\0`).join(''));
}

/** The most bytes of each stream that a successor of the program gets. */
const HISTORY = 65_536;

/** More bytes than the other fields of the message have: a working directory has at most 4096. */
const OTHER_FIELDS = 16_384;

/** Why the keeper has not started the process of an order, as text. */
export function startProblem({ errno, option }: { errno: number; option: string }, order: StartOrder): string {
  const code = errorName(errno);
  if (option === '') return spawnProblem({ code }, order);
  const value = order.spec.process[option as 'nice' | 'oomScoreAdj'];
  return `${option} must not be lower than that of the supervisor without the privilege for it (${code}), got ${value}`;
}
