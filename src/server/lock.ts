import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';

/** Holds the right to bind one socket path. */
export interface PathLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a socket path: resolves with it, or with the words for who holds it. The lock is an abstract socket
 * (unix(7)): the kernel gives it to one process and takes it back when that process ends, however it ends, so it is
 * never stale and two servers that start at once cannot both have it.
 */
export async function lockPath(path: string): Promise<PathLock | string> {
  const name = `\0supertree-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  // Whoever asks is told who holds it.
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`pid ${process.pid}`);
  });
  return (await listen(server, name)) ? { release: () => closed(server) } : holderOf(name);
}

/** False when somebody else has the name. */
function listen(server: Server, name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(name, () => resolve(true));
    server.unref();
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** How long the holder has to say who it is, in ms. */
const PATIENCE = 500;

function holderOf(name: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(name);
    const settle = () => resolve(`another supertree server${said === '' ? '' : ` (${said})`}`);
    socket.setTimeout(PATIENCE, () => socket.destroy());
    socket.on('data', (text) => {
      said += text.toString('utf8');
    });
    socket.on('error', settle);
    socket.on('close', settle);
  });
}
