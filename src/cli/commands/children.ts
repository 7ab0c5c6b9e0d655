import type { Command } from 'commander';
import type { Client } from '../../client/client.js';
import { SupertreeError } from '../../errors.js';
import { type DeletedChild, exitCodeOfResults, runAndPrint, toJson } from '../command-result.js';
import { checkStaysUp } from '../early-end.js';
import { EXIT } from '../exit.js';
import { summary } from '../format.js';
import type { Host } from '../host.js';
import { InFlight } from '../in-flight.js';
import type { AddCommands } from '../invocation.js';
import { printJson, printLines, withClient } from '../session.js';
import { addressOf, type ChildAddress, findSupervisor } from '../supervisors.js';

interface Options {
  stop?: boolean;
  json?: boolean;
}

/** `delete`, `add`: they change which children a supervisor has; `spawn` adds single agents. */
export const addChildren: AddCommands = (program, { host, finish }) => {
  program
    .command('delete <child...>')
    .description('Remove agents or supervisors from the tree. They must have ended, or be stopped with --stop.')
    .option('--stop', 'stop them first, with all that is below them')
    .option('--json', 'print one JSON document: [{ agent, row: { path, status }, error }], in the order given')
    .addHelpText('after', '\nExamples:\n  $ supertree delete old\n  $ supertree delete --stop root/group\n')
    .action(async (names: string[], options: Options, command: Command) => {
      finish(await deleteAll(host, names, options, command));
    });
  program
    .command('add <pool>')
    .description('Start one more instance of a pool; done when it is ready.')
    .option('--json', 'print its row as one JSON document')
    .addHelpText('after', '\nExamples:\n  $ supertree add workers\n  $ supertree add root/workers --json\n')
    .action(async (pool: string, options: Options, command: Command) => {
      finish(await add(host, pool, options, command));
    });
};

async function deleteAll(host: Host, names: readonly string[], options: Options, command: Command): Promise<number> {
  const inFlight = new InFlight();
  const note = () => inFlight.note('delete');
  const results = await withClient(host, command, note, (client, signal) => {
    const act = (name: string) => deleteOne(client, name, options.stop ?? false, inFlight, signal);
    return Promise.all(names.map((name) => runAndPrint(host, name, options.json ?? false, signal, act)));
  });
  if (options.json) printJson(host.out, results.map(toJson));
  return exitCodeOfResults(results);
}

async function deleteOne(
  client: Client,
  name: string,
  stop: boolean,
  inFlight: InFlight,
  signal: AbortSignal,
): Promise<DeletedChild> {
  const path = await pathOf(client, name, signal);
  const address = addressOf(path, 'delete');
  await inFlight.track(() => remove(client, address, stop, signal));
  return { path, status: 'deleted' };
}

async function remove(client: Client, address: ChildAddress, stop: boolean, signal: AbortSignal): Promise<void> {
  if (stop) await client.request('terminate_child', address, { signal });
  try {
    await client.request('delete_child', address, { signal });
  } catch (thrown) {
    if (!stop || !(await isGone(client, address, thrown))) throw thrown;
  }
}

/** True when a stopped child is gone already: a temporary one and an instance of a pool leave the tree by themselves, and a pool deletes nothing by id. */
async function isGone(client: Client, { path, id }: ChildAddress, thrown: unknown): Promise<boolean> {
  if (!(thrown instanceof SupertreeError)) return false;
  if (thrown.code !== 'NOT_FOUND' && thrown.code !== 'SIMPLE_ONE_FOR_ONE') return false;
  const left = await client.request('which_children', { path });
  return left.every((child) => child.id !== id);
}

/** The path of an agent or supervisor by its name. Rejects AGENT_NOT_FOUND. */
async function pathOf(client: Client, name: string, signal: AbortSignal): Promise<string> {
  try {
    return (await client.request('status', { agent: name }, { signal })).path;
  } catch (thrown) {
    if (!(thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND')) throw thrown;
    const supervisor = await findSupervisor(client, name);
    if (supervisor === null) throw thrown;
    return supervisor.path;
  }
}

async function add(host: Host, name: string, { json }: Options, command: Command): Promise<number> {
  const inFlight = new InFlight();
  const note = () => inFlight.note('add');
  const row = await withClient(host, command, note, async (client, signal) => {
    const pool = await findSupervisor(client, name);
    if (pool === null) throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path: name });
    if (pool.kind !== 'pool') {
      const problem = `${pool.path} is no pool: add an agent to it with \`supertree spawn NAME --parent ${pool.path}\``;
      throw new SupertreeError('USAGE', { problem, command: 'add' });
    }
    const { path } = await inFlight.track((onAccepted) =>
      client.request('add_child', { path: pool.path }, { signal, onAccepted }),
    );
    return checkStaysUp(client, await client.request('status', { agent: path }, { signal }), signal);
  });
  if (json) printJson(host.out, row);
  else printLines(host.out, [`${summary(row)}, uuid ${row.uuid}`]);
  return EXIT.done;
}
