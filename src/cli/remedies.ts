import { type ErrorCode, fill, type SupertreeError } from '../errors.js';

/** Remedies with the command to type. Other codes have the remedy of the error. */
export const TYPED: Readonly<Partial<Record<ErrorCode, string>>> = {
  AGENT_NOT_FOUND: 'List the agents with `supertree ps`.',
  AGENT_ABSENT: 'Look at its supervisors with `supertree tree`, and try again when they are running.',
  SUPERVISOR_NOT_FOUND: 'List the supervisors with `supertree tree`.',
  NOT_FOUND: 'List its children with `supertree status {path}`.',
  ALREADY_STARTED: 'Choose another name, or use the running one: `supertree status {agent}`.',
  ALREADY_PRESENT:
    'Start it with `supertree start {agent}`, or delete it with `supertree delete {agent}` and add it again.',
  RUNNING: 'Stop it with `supertree stop {agent}`, or stop and delete it with `supertree delete --stop {agent}`.',
  RESTARTING: 'Wait for it, or cancel the restart with `supertree stop {agent}`.',
  SIMPLE_ONE_FOR_ONE: 'Add an instance with `supertree add {path}`; instances are not kept when they end.',
  SUPERVISOR_ENDED: 'Start that supervisor first with `supertree restart {path}`; the root starts with its server.',
  ENDED_AT_ONCE: 'Read its output with `supertree logs {agent}`, and its state with `supertree status {agent}`.',
  EXHAUSTED:
    'Look for the exit of {reason} with `supertree tree`, correct its cause, then start {path} with `supertree restart {path}`.',
  INVALID_STATE: 'Look at its state with `supertree status {agent}`, and wait for another one.',
  STDIN_CLOSED: 'Restart it with `supertree restart {agent}` to open it again.',
  TIMEOUT: 'Look at the state with `supertree ps`; the command itself continues.',
  NO_SERVER: 'Start one with `supertree serve`, or name it with --endpoint.',
  ENDPOINT_IN_USE: 'Stop that server, or choose another endpoint with --endpoint.',
  ENDPOINT_UNUSABLE:
    'Check the owner and the mode of the socket and its directory, or choose another endpoint with --endpoint.',
  ENDPOINT_FOREIGN:
    'Keep the socket in a directory that only you can write, or name the user that runs the server with --owner UID.',
  ENDPOINT_EXPOSED: 'Give the server keys (docs/security.md), use an ipc socket, or say --insecure.',
  AGENT_LIMIT: 'Delete an agent with `supertree delete --stop AGENT`, or start the server with a higher --max-agents.',
  CWD_GONE: 'Change to a directory that exists, as with `cd /`.',
  USAGE: 'See `supertree {command} --help`.',
  UNHEALTHY: 'Look at its supervisors and agents with `supertree tree`, and at its log.',
  KEY_INVALID: 'Make a key pair with `supertree keygen`.',
  KEY_FILE: 'Correct it, or make a key pair with `supertree keygen` under a name that is free.',
  KEY_REFUSED: 'Give a key that the server knows with --key, and the public key of the server with --server-key.',
  AUDIT_FILE: 'Name another file with --audit.',
};

/** The remedy for a person at a terminal: with the command to type if there is one and the error has the details for it. */
export function typedRemedy({ code, details, remedy }: SupertreeError): string {
  const text = fill(TYPED[code] ?? remedy, details);
  return /\{\w+\}/.test(text) ? remedy : text;
}
