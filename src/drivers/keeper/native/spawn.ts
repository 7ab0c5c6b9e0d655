import { constants as modes } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { isProgram } from '../tool-path.js';
import { addressOf, declare, POINTER } from './libc.js';

const posixSpawn = declare(
  'int posix_spawnp(void *pid, void *file, void *actions, void *attributes, void *argv, void *env)',
);
const initActions = declare('int posix_spawn_file_actions_init(void *actions)');
const destroyActions = declare('int posix_spawn_file_actions_destroy(void *actions)');
const addDup2 = declare('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)');
const addOpen = declare(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
);
const addChdir = declare('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)');
const initAttributes = declare('int posix_spawnattr_init(void *attributes)');
const setFlags = declare('int posix_spawnattr_setflags(void *attributes, short flags)');
const setMask = declare('int posix_spawnattr_setsigmask(void *attributes, void *signals)');
const setDefaults = declare('int posix_spawnattr_setsigdefault(void *attributes, void *signals)');

/** What posix_spawn(3) is to run. Strings are those of C, one after another, each ended by a null byte. */
export interface Program {
  /** The program, looked for in the PATH of `env` when it has no slash, and its arguments. */
  readonly argv: Uint8Array;
  /** `NAME=value`. */
  readonly env: Uint8Array;
  /** The working directory; `null` for that of this process. */
  readonly cwd: string | null;
  /** The path of the terminal that becomes 0, 1 and 2, and controls its session; `null` for none. */
  readonly terminal: string | null;
  /** The descriptors of this process that become the next ones: 0, 1, 2 and so on, or with a terminal 3 and so on. */
  readonly descriptors: readonly number[];
}

/** POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK and POSIX_SPAWN_SETSID. */
const FLAGS = 0x04 | 0x08 | 0x80;
/** More bytes than these structs of any C library need. */
const SIZE = 1024;
const SIGNALS = 128;

/** A session of its own, no signal blocked, none ignored. */
const attributes = makeAttributes();
const actions = Buffer.alloc(SIZE);
const pid = new Int32Array(1);

/**
 * Spawns a program; returns its pid, or the errno of what failed as a negative number. A file that the kernel does not recognise as a program is run by
 * /bin/sh, as execvp(3) does it: posix_spawnp(3) does not.
 */
export function spawn(program: Program): number {
  const result = spawnOnce(program);
  return result === -constants.errno.ENOEXEC ? spawnOnce({ ...program, argv: shellScript(program) }) : result;
}

function spawnOnce({ argv, env, cwd, terminal, descriptors }: Program): number {
  initActions(actions);
  if (cwd !== null) addChdir(actions, cwd);
  if (terminal !== null) addTerminal(terminal);
  const first = terminal === null ? 0 : 3;
  for (const [index, from] of descriptors.entries()) addDup2(actions, from, first + index);
  usePath(env);
  const problem = posixSpawn(pid, argv, actions, attributes, pointersTo(argv), pointersTo(env));
  destroyActions(actions);
  return problem === 0 ? pid[0]! : -problem;
}

/** The first terminal that the leader of a session opens controls it: the session is made before the file actions. */
function addTerminal(path: string): void {
  addOpen(actions, 0, path, modes.O_RDWR, 0);
  for (const to of [1, 2]) addDup2(actions, 0, to);
}

/** An array of pointers to the strings of a block, ended by a null pointer. */
function pointersTo(block: Uint8Array): Uint8Array {
  const base = addressOf(block);
  const addresses: bigint[] = [];
  for (let at = 0; at < block.length; at = block.indexOf(0, at) + 1) addresses.push(base + BigInt(at));
  addresses.push(0n);
  const pointers = POINTER === 8 ? BigUint64Array.from(addresses) : Uint32Array.from(addresses, Number);
  return new Uint8Array(pointers.buffer);
}

/** The arguments that run a script without an interpreter line. */
function shellScript({ argv, cwd }: Program): Uint8Array {
  const end = argv.indexOf(0);
  const name = Buffer.from(argv.subarray(0, end)).toString();
  const candidates = name.includes('/')
    ? [name]
    : (path ?? DEFAULT_PATH).split(':').map((parent) => join(parent, name));
  const file = candidates.find((each) => isProgram(resolve(cwd ?? '/', each))) ?? name;
  return Buffer.concat([Buffer.from(`/bin/sh\0${file}`), argv.subarray(end)]);
}

/** Where execvp(3) looks when there is no PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';

let path = process.env.PATH;

/** posix_spawnp(3) looks for a program in the PATH of the process that calls it; a user expects that of the agent. */
function usePath(env: Uint8Array): void {
  const block = Buffer.from(env.buffer, env.byteOffset, env.length);
  const at = block.indexOf('PATH=') === 0 ? 0 : block.indexOf('\0PATH=') + 1;
  const isSet = at > 0 || block.indexOf('PATH=') === 0;
  const wanted = isSet ? block.toString('utf8', at + 'PATH='.length, block.indexOf(0, at)) : undefined;
  if (wanted === path) return;
  path = wanted;
  if (wanted === undefined) delete process.env.PATH;
  else process.env.PATH = wanted;
}

function makeAttributes(): Buffer {
  const made = Buffer.alloc(SIZE);
  initAttributes(made);
  setFlags(made, FLAGS);
  setMask(made, Buffer.alloc(SIGNALS));
  setDefaults(made, Buffer.alloc(SIGNALS, 0xff));
  return made;
}
