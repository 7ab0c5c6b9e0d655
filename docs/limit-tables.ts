import { MAX_BATCH, MAX_MESSAGE_SIZE } from '../src/protocol/protocol.js';
import { FEW_VALUES, MAX_DEPTH, MAX_VALUES } from '../src/protocol/scan.js';
import { aboutOf, membersOf, numberOf } from './declarations.js';
import { code, table } from './markdown.js';

/** The `[server]` table of a tree file, with the limits of a peer. */
export function settingTables(): string[] {
  return [
    aboutOf('server/settings.ts', 'ServerSettings'),
    settingTable('server/settings.ts', 'ServerSettings'),
    '### Limits of a peer',
    `The table \`[server.limits]\`. ${aboutOf('control/limits.ts', 'Limits')} The error has the name of the limit in \`details.limit\`, and the limit itself.`,
    settingTable('control/limits.ts', 'Limits'),
  ];
}

const DEFAULT = /\s*If not given, (.*?)\.?$/s;

function settingTable(file: string, name: string): string {
  const rows = membersOf(file, name).map(({ name: key, type, about }) => [
    code(underscored(key.replace('?', ''))),
    type.startsWith('Partial') ? '[table](#limits-of-a-peer)' : code(type),
    DEFAULT.exec(about)?.[1] ?? '',
    about.replace(DEFAULT, ''),
  ]);
  return table(['key', 'type', 'if not given', 'meaning'], rows);
}

function underscored(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const FILTER = 'control/filter.ts';
const OUTBOX = 'transport/outbox.ts';
const XPUB = 'transport/xpub-socket.ts';
const WINDOW = 'transport/send-window.ts';
const KEYS = 'control/idempotency.ts';

/** The limits that no setting changes, with the consequence of exceeding each. */
export function fixedLimits(): string[] {
  const filter = (name: string) => DEFAULT.exec(aboutOfMember(FILTER, 'FilterLimits', name))?.[1] ?? '';
  const rows: readonly (readonly [subject: string, limit: string | number, consequence: string])[] = [
    [
      'bytes of one request',
      MAX_MESSAGE_SIZE,
      '`MESSAGE_TOO_LARGE`; above twice as many the connection is closed without an answer',
    ],
    ['bytes of one answer', MAX_MESSAGE_SIZE, '`MESSAGE_TOO_LARGE`: ask for less, with a `limit`'],
    ['values of one request, keys of maps among them', MAX_VALUES, '`MESSAGE_INVALID`'],
    [
      'values of one request that has neither a spec, nor input or an action for an agent, nor a batch',
      FEW_VALUES,
      '`MESSAGE_INVALID`',
    ],
    ['lists and maps within each other in one request', MAX_DEPTH, '`MESSAGE_INVALID`'],
    ['extension types, keys that are no strings, strings that are not UTF-8', 'none', '`MESSAGE_INVALID`'],
    ['agents of one batch', MAX_BATCH, '`BATCH_LIMIT`'],
    ['characters of a filter', numberOf(FILTER, 'MAX_LENGTH'), '`MESSAGE_INVALID`'],
    ['ms of work for one filter', filter('work'), '`FILTER_SLOW`'],
    ['ms that a filter waits for its turn', filter('wait'), '`FILTER_QUEUED`'],
    ['filters of one peer under way', filter('perPeer'), '`FILTER_LIMIT`'],
    ['bytes that wait to be read by one agent', numberOf('drivers/local/stdin.ts', 'STDIN_LIMIT'), '`STDIN_FULL`'],
    [
      'bytes of answers that wait here for one peer',
      numberOf(OUTBOX, 'MAX_WAITING.one'),
      '`ANSWER_UNSENT` in place of the answer; with a quarter of them no further request is begun',
    ],
    ['ms for which a peer takes no answer', numberOf(OUTBOX, 'READ_TIMEOUT'), 'what waits for it is dropped'],
    [
      'answers in the connection of one peer, besides the one that is being written',
      numberOf(WINDOW, 'SEND_QUEUE'),
      'they wait here',
    ],
    [
      'bytes of answers in the connections of all peers',
      numberOf(WINDOW, 'MAX_HELD_BYTES.all'),
      `they wait here, for a peer that may have ${numberOf(WINDOW, 'MAX_HELD_BYTES.share')} before it`,
    ],
    ['ms for which a tcp connection takes no byte', numberOf(WINDOW, 'STALLED_FOR'), 'it is closed'],
    ['ms for a handshake', numberOf('transport/connection-options.ts', 'HANDSHAKE_WITHIN'), 'the connection is closed'],
    [
      'tcp connections',
      'half of the limit of open files',
      'those of the endpoint with most that have said nothing are closed, `CONNECTION_LIMIT` in the log; clients reconnect',
    ],
    [
      'bytes of all that is kept for idempotency keys; one owner may have a quarter',
      numberOf('control/control.ts', 'MAX_KEPT_BYTES'),
      `the key that was asked for longest ago is forgotten; each counts ${numberOf(KEYS, 'OVERHEAD')} besides its answer`,
    ],
    [
      'frames that wait for one subscriber',
      numberOf(XPUB, 'PER_SUBSCRIBER.frames'),
      `lost to it, as are larger ones than the mean when these have ${numberOf(XPUB, 'PER_SUBSCRIBER.bytes')} bytes; the numbers show it`,
    ],
    [
      'bytes of one subscription',
      `${numberOf(XPUB, 'MAX_SUBSCRIPTION.open')}; with keys ${numberOf(XPUB, 'MAX_SUBSCRIPTION.locked')}`,
      'the connection is closed',
    ],
    [
      'different subscriptions at one endpoint, of 64 bytes on the average',
      numberOf(XPUB, 'MAX_SUBSCRIPTIONS'),
      'every subscriber there is disconnected, `SUBSCRIPTION_LIMIT` in the log',
    ],
  ];
  return [
    table(
      ['subject', 'limit', 'above it'],
      rows.map(([subject, limit, consequence]) => [subject, String(limit), consequence]),
    ),
  ];
}

function aboutOfMember(file: string, of: string, name: string): string {
  return membersOf(file, of).find((member) => member.name === `${name}?`)?.about ?? '';
}
