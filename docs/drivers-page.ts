import { DRIVER_PROMISES, PROMISERS } from '../src/drivers/promises.js';
import { page, table } from './markdown.js';
import { type Fate, OWNER_ENDS, type OwnerEnd } from './owner-ends.js';

/** The text of docs/drivers.md. */
export function driversPage(): string {
  return page([
    '# Drivers',
    'Generated from the sources by `npm run generate`.',
    'A driver runs the commands of a tree. `keeper`, the default wherever it can run, runs them below a small process of its own, the *keeper*: it does nothing but start agents, pass on their input and output, and reap them and every orphan that they leave (it is their subreaper, prctl(2)), so that the kernel itself reports what becomes of them. Where the package koffi has no binary for the machine, or prctl(2) is refused, the keeper works on `child_process`: it still ends or keeps the agents when the program is gone, but looks for descendants in /proc. `local` runs them as child processes of the program itself. All start, stop, pause and measure agents alike; they differ in what the table says.',
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
    'The connection between a program and its keeper may break while both live, because a library closes descriptors that it does not own, for example. The keeper then pauses output, listens anew, and waits as long as the thread of the program lives. The program connects again, and each sends what the other does not have: no start, command or line is lost or doubled, and no agent is restarted. When the keeper has not answered for a minute, it is ended, and its agents are lost. A keeper of another release is not connected to again: it counts as killed.',
    'When the keeper is killed, its agents and their descendants are killed, by pid and start time, and reported with the cause `lost`; then supervisors restart them by their rules, below a new keeper. A keeper that works without koffi is reported as an `error` of the tree with its first start, with the reason and what is missing; `supertree doctor` tells it beforehand. A keeper that cannot run (the kernel lists no children in /proc) fails each start with KEEPER_UNAVAILABLE and the reason: such a tree needs the driver `local`. Where no driver is named, the tree takes `local` there by itself, and reports that with the first start.',
    'A program or a server may be the first process of a container, without an init. The keeper reaps what agents leave, and the main thread of the program reaps all other orphans that come to it, such as those of a keeper that was killed or of an exec probe, a second after their end; it never takes the exit of a child that the program has started itself. So does a program that is a subreaper, once a keeper of it was killed. It needs koffi for that; without, orphans that come to it stay defunct, which is reported with the first start. A tree in a worker thread of such a program reaps none: create one in the main thread, or run an init.',
    'Where the system allows no more processes (`ulimit -u`, or `pids.max` of a container), agents that run are unaffected, and so are stops. A start, a hook, a keeper or a search by a regular expression fails with that reason, and failed starts are repeated by the restart rules of the agent. Threads count as processes: a keeper has three or four, and a server about thirteen, which it refuses to start with PROCESS_LIMIT when those of its sockets are not to be had.',
    'Where /proc is mounted with `hidepid=2` and the program is not root, /proc does not list processes of other users, nor own ones that are not dumpable, such as ssh-agent. The keeper still attributes orphans of the second kind to their agents (prlimit(2), getsid(2)), and processes of other users, such as those of sudo, as long as they are in the session of their agent. Neither kind is measured, and what a killed keeper leaves of them is not found. `supertree doctor` says so.',
    '## When the program ends',
    '`ended`: the agents are ended by their stop stages, with all that they started, and nothing is left. `kept`: they run on, and the next server takes them over. `unaffected`: they run on below the same program. A program that ends by itself calls `tree.stop()` first, or creates the tree with `signals: true`.',
    ownerTable(),
    'A server that is killed together with its keeper leaves its agents running. Without a state directory nobody ends them; with one the next server kills them and starts new ones.',
    '## Agents that outlive the server',
    'With a state directory the keeper does not end the agents when the server is killed: they run on, and the next server with the same directory takes them over.',
    ['```sh', 'supertree serve tree.toml --state ~/.local/state/supertree', '```'].join('\n'),
    'In a tree file it is `state` in the table `[server]`. A program that embeds a tree opens the directory itself:',
    [
      '```ts',
      "import { createTree } from 'supertree';",
      "import { openState } from 'supertree/server';",
      '',
      "const { driver, store } = await openState('state');",
      "const tree = createTree({ children: [{ id: 'clock', command: ['date'] }] }, { driver, store });",
      'await tree.start();',
      '```',
    ].join('\n'),
    'The next server goes on with the tree as it was: the same pids, uuids, ports, numbers of incarnations and restarts, budgets, and lines of output, of which it has the last 64 KiB of each stream, also those that were printed while no server ran. What had ended meanwhile is restarted by its restart type, what had been stopped stays down, a pause and a stop that were under way go on. Agents that clients had added are in the tree again. An agent that the tree file no longer has is ended by its stop stages. Where the file has another command for an agent, that takes effect with its next start. A restart that was planned follows after the time that was left, and a group that had failed stays failed, with its reason, until it is started. Clients with the same endpoint reconnect, and `logs -f` goes on without a line lost or doubled.',
    'One server at a time has the directory; a second one is refused with STATE_UNUSABLE and the pid of the first. So is a server that cannot take the keeper over, because the keeper is of a release that does not understand this one, its secret is lost, or it has not answered for a minute: the error names the keeper, and the agents run on. A keeper whose socket was deleted, by a cleaner of temporary files or by hand, is found by its path in /proc/net/unix: it listens anew when the next server sends it SIGUSR2, which is reported. A keeper without a server runs on as long as it has agents or knows of some; `kill` ends it, and its agents by their stop stages. What the keeper knows is in its memory, so a reboot begins anew. Under systemd the unit needs `KillMode=process`: by default systemd kills the keeper and the agents with the server.',
    '## Upgrades while agents run',
    'Install the other release, kill the server with SIGKILL, and start it again with the same directory. A keeper runs on with the code of the release that started it. Where both releases have the same version of the keeper, the server goes on with it. Otherwise it starts a keeper of its own beside the other one, which is reported with the pid of that: the agents run on below the other keeper, with their output, input and exit codes, until they end or are stopped; what starts from then on, restarts included, is below the new one. The other keeper ends after its last agent. To be rid of it at once, restart its agents with `supertree restart`, one after another or by their supervisor. Any number of servers and releases may follow each other meanwhile; a return to the earlier release works in the same way.',
    'A keeper that is too old for a server, or too new for it, is named with both versions, and the server does not start: it would start all agents a second time. Start the other release again, or end the keeper and its agents with `kill`.',
  ]);
}

function promiseTable(): string {
  const rows = Object.values(DRIVER_PROMISES).map((row) => [
    row.promise,
    ...PROMISERS.map((name) => (row[name] === true ? 'yes' : `no: ${row[name]}`)),
  ]);
  return table(['promise', '`keeper`', '`keeper` without koffi', '`local`'], rows);
}

function ownerTable(): string {
  const rows = Object.values<OwnerEnd>(OWNER_ENDS).map(({ how, ...fates }) => [
    how,
    ...Object.values<Fate | null>(fates).map((fate) => fate ?? ''),
  ]);
  return table(['how it ends', 'embedding program', 'server', 'server with a state directory'], rows);
}
