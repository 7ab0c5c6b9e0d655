/**
 * Repeats a call that a signal handler of this process interrupted (EINTR, signal(7)), as happens while children end. zeromq.js repeats most calls of
 * libzmq by itself, but not zmq_connect(3), which also opens the events of a socket. Throws what `call` throws otherwise.
 */
export function uninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EINTR') throw thrown;
    }
  }
}
