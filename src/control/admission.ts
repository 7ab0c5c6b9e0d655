import { asSupertreeError, cut, SupertreeError } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import type { Message, MessageType } from '../protocol/protocol.js';
import { COMMAND_NEEDS, MESSAGE_NEEDS, type Need } from './access/needs.js';
import { authorize, type Peer, UNPROVEN } from './access/roles.js';
import { homeOf } from './access/seen-tree.js';
import type { Control } from './control.js';

/** One thing that was asked for. */
export interface Asked {
  readonly requestId: string;
  /** The command, the operation, or the type of the message. */
  readonly verb: string;
  readonly need: Need;
  /** How the agent or the supervisor was named; `null` for none. */
  readonly ref: string | null;
  /** How a child of the supervisor was named; `null` for none. */
  readonly child: string | null;
}

/**
 * Does what was asked for if the peer may: rejects FORBIDDEN with the role and the subtree that are needed, KEY_UNPROVEN, and AGENT_NOT_FOUND or
 * SUPERVISOR_NOT_FOUND for what the peer does not know. Writes one audit line for everything but an observation that succeeded.
 */
export function whenAdmitted<T extends object>(control: Control, asked: Asked, work: () => Promise<T>): Promise<T> {
  const free = control.peer.grants === null && isQuiet(asked.need);
  return free ? work() : admitAndNote(control, asked, work);
}

async function admitAndNote<T extends object>(control: Control, asked: Asked, work: () => Promise<T>): Promise<T> {
  const path = auditPath(control, asked);
  try {
    admit(control, asked);
    const told = await work();
    note(control, { ...asked, child: childOf(control, asked, told) }, path, codeOf(told));
    return told;
  } catch (thrown) {
    note(control, asked, path, asSupertreeError(thrown).code);
    throw thrown;
  }
}

/** Throws what `whenAdmitted` rejects with before anything is done, and writes the audit line of that. */
export function assertAdmitted(control: Control, asked: Asked): void {
  try {
    admit(control, asked);
  } catch (thrown) {
    note(control, asked, auditPath(control, asked), asSupertreeError(thrown).code);
    throw thrown;
  }
}

/** The child that it was done to: a pool and a client of the agent protocol do not choose the id of what they add. */
function childOf({ whole }: Control, { need, child }: Asked, answer: object): string | null {
  if (need.of !== 'supervisor') return null;
  if ('data' in answer && isMap(answer.data) && typeof answer.data.path === 'string') return lastOf(answer.data.path);
  const id = 'agent_info' in answer && isMap(answer.agent_info) ? answer.agent_info.id : null;
  return id === null ? child : (whole.agents().find(({ uuid }) => uuid === id)?.id ?? child);
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The code of an answer that says that it was not done; `null` for any other. */
function codeOf(answer: object): string | null {
  if (!('success' in answer) || answer.success !== false) return null;
  return 'code' in answer && typeof answer.code === 'string' ? answer.code : 'INTERNAL';
}

/** What a message asks for. One that is no request takes nothing: it is told so. */
export function askedBy<T extends MessageType>(message: Message<T>): Asked {
  const need = needOf(message);
  const requestId = 'request_id' in message ? message.request_id : '';
  return { requestId, verb: verbOf(message), need, ref: refOf(message, need), child: nameOf(message) };
}

function needOf(message: Message<MessageType>): Need {
  const given = MESSAGE_NEEDS[message.type] as Need | null | ((message: Message<MessageType>) => Need);
  return (typeof given === 'function' ? given(message) : given) ?? { role: null, of: 'open' };
}

/** True for a request that changes nothing, however often it is done: no agent, and no place in what is read. */
export function changesNothing(message: Message<MessageType>): boolean {
  if ('command_type' in message && READ_ON.has(message.command_type)) return false;
  return isQuiet(message.type === 'batch_control_command' ? COMMAND_NEEDS[message.command_type] : needOf(message));
}

/** What gives the next line each time. */
const READ_ON: ReadonlySet<string> = new Set(['read_stdout', 'read_stderr']);

function verbOf(message: Message<MessageType>): string {
  if (message.type === 'tree_request') return message.operation;
  return 'command_type' in message ? message.command_type : message.type;
}

function refOf(message: Message<MessageType>, need: Need): string | null {
  if (message.type === 'tree_request') {
    const named = message.params[need.of === 'supervisor' ? need.named : 'agent'];
    return typeof named === 'string' ? named : null;
  }
  return 'agent_id' in message ? message.agent_id : null;
}

function nameOf(message: Message<MessageType>): string | null {
  if (message.type === 'spawn_request') return message.config.name;
  if (message.type !== 'tree_request') return null;
  const { id, spec } = message.params;
  const named = isMap(spec) ? spec.id : id;
  return typeof named === 'string' ? named : null;
}

function admit(control: Control, { need, ref }: Asked): void {
  const { peer, tree } = control;
  const supervisor = () => tree.supervisor(ref ?? parentOf(control, need));
  if (peer === UNPROVEN) throw new SupertreeError('KEY_UNPROVEN');
  // What has no name here gets the answer to a missing parameter from whoever reads them.
  if (need.of === 'agent' && ref !== null) authorize(peer, need.role, tree.agent(ref).path);
  if (need.of === 'supervisor') authorize(peer, need.role, supervisor().path);
  if (need.of === 'tree') authorize(peer, need.role, tree.path);
  if (need.of === 'listing') admitListing(peer, homeOf(peer, tree));
}

/** The supervisor of a request that names none, where it is not the home of the peer. */
function parentOf({ parent }: Control, need: Need): string | undefined {
  return need.of === 'supervisor' && need.named === 'server' ? parent : undefined;
}

function admitListing(peer: Peer, home: string): void {
  const observes = peer.grants?.some(({ roles }) => roles.includes('observe')) ?? true;
  if (!observes) authorize(peer, 'observe', home);
}

/** The path as the server knows it, whatever the peer knows: the log is for whoever runs the server. */
function auditPath(control: Control, { need, ref }: Asked): string | null {
  const { whole, tree, peer } = control;
  try {
    if (need.of === 'agent' || need.of === 'tree') return ref === null ? null : whole.agent(ref).path;
    if (need.of === 'supervisor') return whole.supervisor(ref ?? parentOf(control, need) ?? homeOf(peer, tree)).path;
  } catch {
    // There is no such thing: the line says so by its code.
  }
  return null;
}

/** What says that the peer may not do it, rather than that it did not work. */
const REFUSALS: ReadonlySet<string> = new Set([
  'FORBIDDEN',
  'KEY_UNPROVEN',
  'AGENT_NOT_FOUND',
  'AGENT_AMBIGUOUS',
  'SUPERVISOR_NOT_FOUND',
  'SUPERVISOR_AMBIGUOUS',
]);

function note(control: Control, asked: Asked, path: string | null, code: string | null): void {
  const { peer, audit } = control;
  const refused = code !== null && peer.grants !== null && REFUSALS.has(code);
  if (isQuiet(asked.need) && !refused) return;
  const [request = '', verb = ''] = [asked.requestId, asked.verb].map((text) => cut(text, MAX_TEXT));
  const child = asked.need.of === 'supervisor' && asked.child !== null ? cut(asked.child, MAX_TEXT) : null;
  const outcome = code === null ? 'done' : refused ? 'refused' : 'failed';
  audit({ key: peer.name, request, verb, path, child, outcome, code });
}

function isQuiet({ role }: Need): boolean {
  return role === null || role === 'observe';
}

/** An id, a child or a verb that a peer made up is cut at so many characters. */
const MAX_TEXT = 128;
