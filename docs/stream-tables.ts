import { numberOf } from './declarations.js';
import { code, table } from './markdown.js';
import { resultTable } from './wire-tables.js';

/** The keys of `data` in a `status_update`. */
export const UPDATE_DATA: Readonly<Record<string, readonly [type: string, about: string]>> = {
  path: ['string', 'The first six as in an [AgentView](#agentview), after it.'],
  state: ['string', 'Alone when the agent is gone by now.'],
  detail: ['string', ''],
  incarnation: ['integer', ''],
  restarts: ['integer', ''],
  health: ['string', ''],
  retry_in: ['integer or nil', 'In `failed`: ms until the next try; nil when none comes by itself.'],
  exit: ['map or nil', 'Its last end: `{ code, signal, cause, oom }`, as in an [ExitRecord](#exitrecord).'],
};

/** The changes for which a `status_update` is published, each with its `update_type`. */
export const UPDATES: readonly (readonly [happened: string, type: string])[] = [
  ['It came into `spawning`, `running`, `paused` or `stopping`', 'status_changed'],
  ['It came into `completed`', 'completed'],
  ['It came into `stopped`', 'terminated'],
  ['It came into `failed` or `zombie`', 'error'],
  ['It came into another sub-state: report `substate`', 'status_changed'],
  ['Report `restarting`: it is started again after a delay', 'status_changed'],
  ['Reports `exhausted`, `zombie` and `error`', 'error'],
];

const FRAMES = numberOf('transport/xpub-socket.ts', 'PER_SUBSCRIBER.frames');
const POSITION = numberOf('control/streams/events.ts', 'POSITION_EVERY');
const SILENCE = numberOf('client/events.ts', 'SILENCE');

/** The messages that a SUB socket receives, and how to follow them so that every loss is noticed. */
export function streamTables(): string[] {
  return [
    'The operation `streams` and the command `stream_logs` return the pub endpoints: connect a SUB socket to the first one. Every message is one frame, not several: the topic, a zero byte, one document.',
    table(
      ['topic', 'documents'],
      [
        [
          'the uuid of an agent: 36 characters, lower case, with hyphens',
          '[log_stream](#log_stream) and [status_update](#status_update)',
        ],
        [code('events'), '[event](#streamevent) and [position](#streamposition), of the whole tree'],
      ],
    ),
    `A subscription is a prefix of topics: the empty one selects every message, one that ends with the zero byte selects one topic. It becomes active some ms after it was sent; earlier messages are not sent again. A subscriber that does not read loses the frames above ${FRAMES}, without effect on others; only the numbers described below show it. With keys, only a key with \`observe\` for the whole tree may subscribe.`,
    '#### Lines of output',
    'A [log_stream](#log_stream) has one line with its end in `data`, a list of integers. `sequence` counts from 0 for each agent and stream, over restarts of the agent; it is the `seq` of the same line in `logs`. To get every line once:',
    [
      '1. Subscribe to the uuid. Then ask for `logs`, take its lines, and keep `next`.',
      '2. Compare the `sequence` of each `log_stream` with `next` of its stream. Equal: it is the next line. Lower: the line is known. Higher: lines were lost, so ask for `logs` of that stream from `next`.',
      '3. When no line comes for some time, ask for `logs` again: a loss at the end of a burst is not shown by a later line.',
      '4. When `logs` answers with a `next` below yours, its supervisor was restarted and the numbers start again at 0: continue from 0. With `AGENT_NOT_FOUND` the agent is gone, or the server was restarted and it has another uuid.',
    ].join('\n'),
    '#### Status updates',
    'A [status_update](#status_update) is published under the uuid of its agent:',
    table(
      ['when', 'update_type'],
      UPDATES.map(([happened, type]) => [happened, code(type)]),
    ),
    '`output_available` and `heartbeat` are never sent. `status` is the [status](#states-in-the-words-of-the-agent-protocol) after it, `message` the same as text, and `data`:',
    table(
      ['key', 'type', 'meaning'],
      Object.entries(UPDATE_DATA).map(([key, [type, about]]) => [code(key), type, about]),
    ),
    'They have no numbers, so a loss is not noticed: a program that must not miss one follows the events.',
    '#### Events',
    'To keep a copy of the state that is always equal to that of `snapshot`:',
    [
      '1. Subscribe to `events` and wait for the first `position`: from then on every loss is noticed.',
      '2. Ask for `snapshot`. Keep its `epoch` and its `seq`.',
      '3. For each `event` of this `epoch`: ignore it if its `seq` is not above yours, because the snapshot includes it; if it is the next one, apply it and keep its `seq`; otherwise events were lost, so go to 2.',
      `4. A \`position\` has the \`seq\` of the last event, at least every ${POSITION} ms. When it is higher than yours, or a message has another \`epoch\` (the server was restarted), go to 2.`,
      `5. When no message comes for ${SILENCE} ms, connect again and go to 1.`,
    ].join('\n'),
    'To apply an event: after `removed` forget the path and everything below it. `agent` replaces the agent at the path; where it is absent there is none. `supervisor` replaces the supervisor at the path.',
    ...['StreamEvent', 'StreamPosition', 'Snapshot', 'SupervisorMark', 'Streams'].flatMap((name) =>
      resultTable('protocol/operations/results.ts', name),
    ),
  ];
}
