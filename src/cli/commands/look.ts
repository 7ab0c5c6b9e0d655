import type { Command } from 'commander';
import type { Client } from '../../client/client.js';
import type { SupervisorView } from '../../contract/view.js';
import { SupertreeError } from '../../errors.js';
import { failedSupervisors } from '../../protocol/failed-supervisors.js';
import type { AgentRow } from '../../protocol/operations.js';

import { EXIT } from '../exit.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { renderAgents, renderFailures, renderHealth, renderStatus, renderSupervisor, renderTree } from '../render.js';
import { printJson, printLines, UNCHANGED, viewOf, withClient } from '../session.js';
import { findSupervisor } from '../supervisors.js';

interface Options {
  json?: boolean;
}

/** `ps`, `tree`, `status`, `health`: read-only commands. */
export const addLooking: AddCommands = (program, { host, finish }) => {
  const look = (name: string, summary: string, examples: string) =>
    program
      .command(name)
      .description(summary)
      .option('--json', 'one JSON document; times in ms, memory in bytes, cpu in percent of one core')
      .addHelpText('after', `\nExamples:\n${examples}`);

  look('ps', 'List the agents, one row each.', '  $ supertree ps\n  $ supertree ps --json | jq -r ".[].path"\n').action(
    async (options: Options, command: Command) => finish(await ps(host, options, command)),
  );
  look('tree', 'Draw supervisors and agents as a tree.', '  $ supertree tree\n  $ supertree tree --json\n').action(
    async (options: Options, command: Command) => finish(await tree(host, options, command)),
  );
  look(
    'status <agent>',
    'Print everything about one agent, or one supervisor.',
    '  $ supertree status web\n  $ supertree status root/web --json\n',
  ).action(async (agent: string, options: Options, command: Command) =>
    finish(await status(host, agent, options, command)),
  );
  look(
    'health',
    'Ask the server whether it is healthy. Exits with 1 when it is not: its tree has ended or is stopping, or a supervisor failed.',
    '  $ supertree health\n  $ supertree health --json\n',
  ).action(async (options: Options, command: Command) => finish(await health(host, options, command)));
};

async function ps(host: Host, { json }: Options, command: Command): Promise<number> {
  const { rows, failed } = await withClient(host, command, UNCHANGED, async (client, signal) => {
    const rows = await client.request('ps', { usage: true }, { signal });
    return { rows, failed: json ? [] : ((await client.request('health', {}, { signal })).failed ?? []) };
  });
  if (json) printJson(host.out, rows);
  else printLines(host.out, [...renderAgents(rows, viewOf(host)), ...renderFailures(failed)], 'styled');
  return EXIT.done;
}

async function tree(host: Host, { json }: Options, command: Command): Promise<number> {
  const root = await withClient(host, command, UNCHANGED, (client, signal) =>
    client.request('tree', { usage: true }, { signal }),
  );
  if (json) printJson(host.out, root);
  else printLines(host.out, [...renderTree(root, viewOf(host)), ...renderFailures(failedSupervisors(root))], 'styled');
  return EXIT.done;
}

async function status(host: Host, name: string, { json }: Options, command: Command): Promise<number> {
  const found = await withClient(host, command, UNCHANGED, (client, signal) => find(client, name, signal));
  if (json) printJson(host.out, found);
  else printLines(host.out, 'uuid' in found ? renderStatus(found, viewOf(host)) : renderSupervisor(found), 'styled');
  return EXIT.done;
}

/** The row of an agent; if there is none of that name, the supervisor. Rejects AGENT_NOT_FOUND. */
async function find(client: Client, name: string, signal: AbortSignal): Promise<AgentRow | SupervisorView> {
  try {
    return await client.request('status', { agent: name, usage: true }, { signal });
  } catch (thrown) {
    if (!(thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND')) throw thrown;
    const supervisor = await findSupervisor(client, name);
    if (supervisor === null) throw thrown;
    return supervisor;
  }
}

async function health(host: Host, { json }: Options, command: Command): Promise<number> {
  const { answer, givenUp } = await withClient(host, command, UNCHANGED, async (client, signal) => {
    const answer = await client.request('health', {}, { signal });
    const rows = json || !answer.states.failed ? [] : await client.request('ps', {}, { signal });
    return { answer, givenUp: rows.filter(({ state, retryIn }) => state === 'failed' && retryIn === null).length };
  });
  if (json) printJson(host.out, answer);
  else printLines(host.out, renderHealth(answer, givenUp, viewOf(host).now));
  if (!answer.healthy) throw new SupertreeError('UNHEALTHY', { server: answer.serverId });
  return EXIT.done;
}
