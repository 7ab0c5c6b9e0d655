import { DRIVER_PROMISES } from '../src/drivers/promises.js';
import { DRIVER_NAMES } from '../src/model/driver-name.js';
import { code, page, table } from './markdown.js';

/** The text of docs/drivers.md. */
export function driversPage(): string {
  return page([
    '# Drivers',
    'Generated from the sources by `npm run generate`.',
    'A driver runs the commands of a tree. `keeper`, the default wherever it can run, runs them below a small process of its own, the *keeper*: it does nothing but start agents, pass on their input and output, and reap them and every orphan that they leave (it is their subreaper, prctl(2)), so that the kernel itself reports what becomes of them. `local` runs them as child processes of the program itself. Both start, stop, pause and measure agents alike; they differ in what the table says.',
    promiseTable(),
    '## Choosing one',
    [
      '```ts',
      "import { createTree } from 'supertree';",
      '',
      "const tree = createTree({ children: [{ id: 'clock', command: ['date'] }] }, { driver: 'local' });",
      'await tree.start();',
      '```',
    ].join('\n'),
    'In a tree file it is the key `driver` of the table `[server]`, and on the command line `supertree serve --driver local`. Tasks and logics run in the program with either.',
    '## The keeper',
    'It is started with the first agent of a tree, and there is one for each tree; `ps` shows it as `supertree-keeper: root`. The program talks to it over a socket in a directory of mode 0700, with a secret. It keeps a program alive as long as an agent runs, and no longer.',
    'When the program ends, for whatever reason, the keeper stops the agents in reverse order of their starts. Each agent gets its stop signal, and SIGKILL after `ask` ms; the next one is stopped when it is gone. This order is kept for as long as the longest `ask` of the agents, and for 60 s at most. Then the keeper sends the stop signals to all remaining agents at once, so many agents that ignore their signals take no longer than two of them. At last the keeper ends itself. When the keeper was stopped or had no processor for a while, it leaves as much time between the stages of a stop as the program did. The same holds for a tree within an agent of another tree: its keeper is one of the descendants of that agent, and what an inner keeper that is killed leaves comes to the outer one.',
    'When the keeper is killed, its agents and their descendants are killed, by pid and start time, and reported with the cause `lost`; then supervisors restart them by their rules, below a new keeper. A keeper that cannot run (no binary of koffi for the processor, no /proc, prctl(2) refused) fails each start with KEEPER_UNAVAILABLE and the reason: such a tree needs the driver `local`. Where no driver is named and the binary of koffi or /proc is missing, the tree takes `local` by itself, and reports that with the first start.',
  ]);
}

function promiseTable(): string {
  const rows = Object.values(DRIVER_PROMISES).map((row) => [
    row.promise,
    ...DRIVER_NAMES.map((name) => (row[name] === true ? 'yes' : `no: ${row[name]}`)),
  ]);
  return table(['promise', ...DRIVER_NAMES.map(code)], rows);
}
