import type { Command } from 'commander';
import type { EventItem, TreeItem } from '../../client/client.js';
import { printable } from '../../model/printable.js';
import { toText } from '../../model/report.js';
import type { Snapshot } from '../../protocol/operations.js';
import { EXIT } from '../exit.js';
import { stateText, timeOfDay } from '../format.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { whileLinked } from '../link-watch.js';
import { renderSnapshot } from '../render-snapshot.js';
import { printJson, printLines, UNCHANGED, viewOf, withClient } from '../session.js';

interface Options {
  follow?: boolean;
  json?: boolean;
}

/** `events`: the state of everything, then every event. */
export const addEvents: AddCommands = (program, { host, finish }) => {
  program
    .command('events')
    .description('Print the state of every supervisor and agent; with -f, then every event as it happens.')
    .option('-f, --follow', 'go on with every event, over restarts of the server; missed events are counted')
    .option('--json', 'print the snapshot as one JSON document, with -f one document a line')
    .addHelpText(
      'after',
      '\nExamples:\n  $ supertree events\n  $ supertree events -f\n  $ supertree events -f --json | jq -c \'select(.event.type == "exited")\'\n',
    )
    .action(async (options: Options, command: Command) => {
      finish(await (options.follow ? follow : printSnapshot)(host, options, command));
    });
};

async function printSnapshot(host: Host, { json }: Options, command: Command): Promise<number> {
  const snapshot = await withClient(host, command, UNCHANGED, (client, signal) =>
    client.request('snapshot', {}, { signal }),
  );
  if (json) printJson(host.out, snapshot);
  else printLines(host.out, renderSnapshot(snapshot, viewOf(host)), 'styled');
  return EXIT.done;
}

/** An interrupt is the usual end of a follower, so it prints nothing. */
function follow(host: Host, { json = false }: Options, command: Command): Promise<number> {
  return withClient(host, command, '', (client) =>
    whileLinked(host, client, async () => {
      for await (const item of client.events()) {
        if (json) host.out.write(`${JSON.stringify(item)}\n`);
        else printItem(host, item);
        if ((await host.out.drained?.()) === false) break;
      }
      return EXIT.done;
    }),
  );
}

function printItem(host: Host, item: TreeItem): void {
  if (item.type === 'event') return printLines(host.out, [`${clock(item.at)} ${textOf(item)}`]);
  printLines(host.err, [noteOf(item)]);
}

function textOf({ path, at, event, agent, supervisor }: EventItem): string {
  if (event.type !== 'changed') return printable(toText({ path, at, ...event }));
  return `${path} is ${agent === undefined ? supervisor?.status : stateText(agent)}`;
}

function noteOf({ reason, missed, agents, supervisors }: Snapshot & { reason: string; missed: number | null }): string {
  const now = `${agents.length} agents below ${supervisors.length} supervisors`;
  if (reason === 'start') return `Following ${now}.`;
  return reason === 'gap'
    ? `${missed} events were missed. There are ${now}.`
    : `The server was restarted. There are ${now}.`;
}

/** The local time of day, to the millisecond. */
function clock(at: number): string {
  return `${timeOfDay(at)}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`;
}
