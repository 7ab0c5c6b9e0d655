import { closeSync } from 'node:fs';
import { addressOf, declare, lastError, POINTER } from './libc.js';

/* Datagram sockets of the domain AF_UNIX (unix(7)), for which Node has no API. Numbers are those of Linux. */

const socket = declare('int socket(int domain, int type, int protocol)');
const bind = declare('int bind(int fd, void *address, uint length)');
const setOption = declare('int setsockopt(int fd, int level, int option, void *value, uint length)');
const fcntl = declare('int fcntl(int fd, int command, ...)');
const recvmsg = declare('long recvmsg(int fd, void *message, int flags)');
const poll = declare('int poll(void *descriptors, ulong count, int timeout)');

/** A datagram with the credentials that the kernel vouches for (SCM_CREDENTIALS). */
export interface Datagram {
  /** 0 where the sender cannot be seen from here. */
  readonly pid: number;
  readonly uid: number;
  /** Valid until the next one is received. */
  readonly bytes: Uint8Array;
}

const AF_UNIX = 1;
/** SOCK_DGRAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
const TYPE = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const F_SETFL = 4;
const F_SETOWN = 8;
/** O_NONBLOCK and O_ASYNC: SIGIO follows each datagram. */
const FLAGS = 0o4000 | 0o20000;

/** Opens a socket with this name in the abstract namespace, for whose datagrams this process gets SIGIO. Returns its descriptor, or the errno as a negative number. */
export function openDatagrams(name: string): number {
  const fd = socket(AF_UNIX, TYPE, 0);
  if (fd < 0) return -lastError();
  const address = Buffer.concat([Uint16Array.of(AF_UNIX), Buffer.from(`\0${name}`)].map(bytesOf));
  const isOpen =
    setOption(fd, SOL_SOCKET, SO_PASSCRED, bytesOf(Int32Array.of(1)), 4) === 0 &&
    bind(fd, address, address.length) === 0 &&
    fcntl(fd, F_SETOWN, 'int', process.pid) === 0 &&
    fcntl(fd, F_SETFL, 'int', FLAGS) === 0;
  if (isOpen) return fd;
  const problem = lastError();
  closeSync(fd);
  return -problem;
}

const bytes = Buffer.alloc(8192);
/** A cmsghdr with a ucred, and no room for descriptors, which the kernel then does not pass on. */
const HEADER = POINTER + 8;
const control = Buffer.alloc(Math.ceil((HEADER + 12) / POINTER) * POINTER);
const vector = words(addressOf(bytes), BigInt(bytes.length));
const message = Buffer.alloc(7 * POINTER);
const SCM_CREDENTIALS = 2;

/** Receives one datagram; `null` when there is none. One that is longer than 8192 bytes is cut. */
export function receive(fd: number): Datagram | null {
  message.fill(0);
  words(0n, 0n, addressOf(vector), 1n, addressOf(control), BigInt(control.length), 0n).copy(message);
  control.fill(0);
  const length = Number(recvmsg(fd, message, 0));
  if (length < 0) return null;
  const isKnown = control.readInt32LE(POINTER + 4) === SCM_CREDENTIALS;
  const [pid, uid] = [HEADER, HEADER + 4].map((at) => control.readInt32LE(at));
  return { pid: isKnown ? pid! : 0, uid: isKnown ? uid! : -1, bytes: bytes.subarray(0, length) };
}

const POLLIN = 1;

/** Those of the descriptors from which a datagram can be received. */
export function readable(descriptors: readonly number[]): number[] {
  const entries = Buffer.alloc(descriptors.length * 8);
  for (const [at, fd] of descriptors.entries()) {
    entries.writeInt32LE(fd, at * 8);
    entries.writeInt16LE(POLLIN, at * 8 + 4);
  }
  if (poll(entries, descriptors.length, 0) <= 0) return [];
  return descriptors.filter((_, at) => (entries.readInt16LE(at * 8 + 6) & POLLIN) !== 0);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array | Int32Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Numbers of the size of a pointer, one after another. */
function words(...values: readonly bigint[]): Buffer {
  return bytesOf(
    new Uint8Array((POINTER === 8 ? BigUint64Array.from(values) : Uint32Array.from(values, Number)).buffer),
  );
}
