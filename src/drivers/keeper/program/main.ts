/*
 * The keeper: a process that is nothing but the parent of agents, so that the kernel itself reports what becomes of them. It outlives the program that
 * started it, and ends the agents when that is gone. The build makes one file of it, main.cjs.
 * Started as `node main.cjs` in a session of its own, with KeeperSettings on standard input.
 */
import { setFlagsFromString } from 'node:v8';
import { messageOf } from '../../../errors.js';
import type { KeeperReady, KeeperSettings } from '../protocol/messages.js';
import { shedInheritedDescriptors } from './inherited-descriptors.js';
import type { Keeper } from './keeper.js';

/** Signals of a terminal or of its end; and SIGUSR1, at which Node would open its inspector. */
const IGNORED = ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGUSR1'] as const;

/**
 * Options of V8: without them the heap grows to three times what is in use before it is collected, and the space for young objects to 16 MiB. They are set
 * after all modules are loaded: with other options than those that Node was built with, V8 compiles the modules of Node anew.
 */
const MEMORY_FLAGS = ['--optimize-for-size', '--semi-space-growth-factor=1'];

let keeper: Keeper | undefined;
let text = '';
let isStopped = false;

for (const signal of IGNORED) process.on(signal, () => {});
process.on('SIGTERM', stop);
process.on('SIGUSR2', () => keeper?.connection.listenAnew().catch((thrown: unknown) => keeper?.failed(thrown)));
process.on('uncaughtException', fail);
// The program above is gone, which closes standard input as well.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.stdin.setEncoding('utf8');
process.stdin.on('data', (part: string) => {
  const isComplete = text.includes('\n');
  text += part;
  if (!isComplete && text.includes('\n')) void run(JSON.parse(text));
});
process.stdin.on('close', () => {
  if (!keeper?.connection.wasOpen) stop();
});

async function run(settings: KeeperSettings): Promise<void> {
  process.title = `supertree-keeper: ${settings.tree}`;
  try {
    // Orders are short: the native decoder of msgpackr takes longer to load than it saves.
    process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED = 'true';
    const [{ Keeper: Program }, { chooseHands }] = await Promise.all([
      import('./keeper.js'),
      import('./hands-choice.js'),
    ]);
    shedInheritedDescriptors();
    const hands = await chooseHands(settings.native, (problem) => keeper?.problem(problem));
    for (const flag of MEMORY_FLAGS) setFlagsFromString(flag);
    keeper = new Program(settings, hands, () => process.stdin.destroy());
    report({ problem: null, socket: await keeper.connection.listen() });
    if (isStopped) keeper.end();
  } catch (thrown) {
    fail(thrown);
  }
}

function fail(thrown: unknown): void {
  process.exitCode = 1;
  if (keeper?.connection.isOpen) keeper.failed(thrown);
  else report({ problem: messageOf(thrown) });
  stop();
}

function report(ready: KeeperReady): void {
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

function stop(): void {
  isStopped = true;
  if (keeper) keeper.end();
  else process.stdin.destroy();
}
