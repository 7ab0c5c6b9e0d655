import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { PROGRAM, ROOT } from '../program.js';

/** Only root can be somebody else; others test what they can of it as themselves. */
export const isRoot = process.geteuid?.() === 0;

/** The user `nobody` where this is root, else this user. */
export const OTHER = isRoot ? 65_534 : (process.geteuid?.() ?? 0);

/** A program that runs as the other user. */
export function runAsOther(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const identity = isRoot ? { uid: OTHER, gid: OTHER } : {};
  const { PATH } = process.env;
  return spawn(argv[0] ?? '', argv.slice(1), { cwd: ROOT, env: { PATH, HOME: '/', ...env }, ...identity });
}

/** Runs a program as the other user, and resolves with the values of JSON that it prints, one a line. */
export async function valuesOfOther(argv: readonly string[]): Promise<unknown[]> {
  return valuesOf(await text(runAsOther(argv).stdout!));
}

/** The values of a text that has JSON in each line. */
export function valuesOf(lines: string): unknown[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Runs `supertree ARGV` as the other user. */
export async function supertreeAsOther(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = runAsOther([...PROGRAM, ...argv], env);
  const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
  return { code, out, err };
}

/** A program of the other user that listens at a path or a port and prints every byte that it is sent, in hex, after `ready`. */
export async function strangerAt(address: string): Promise<{ received(): string; close(): Promise<void> }> {
  const code = `
    require('node:net').createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => process.stdout.write(bytes.toString('hex') + ' '));
    }).listen(${JSON.stringify(address)}, () => {
      if (${address.startsWith('/')}) require('node:fs').chmodSync(${JSON.stringify(address)}, 0o777);
      process.stdout.write('ready ');
    });
  `;
  const child = runAsOther([process.execPath, '-e', code]);
  let received = '';
  const ready = new Promise<void>((resolve) =>
    child.stdout?.on('data', (text) => {
      received += String(text);
      if (received.startsWith('ready ')) resolve();
    }),
  );
  await ready;
  const close = async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  };
  return { received: () => received.slice('ready '.length), close };
}
