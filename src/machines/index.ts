/**
 * The production charts, for drawing, for the Stately editor and for tests. The contents of their contexts and events are internal and may change, so the
 * exported types are those of any machine.
 */

import type { AnyStateMachine } from 'xstate';
import { agentMachine as agent } from './agent.js';
import { linkMachine as link } from './link.js';
import { supervisorMachine as supervisor } from './supervisor.js';
import { systemRootMachine as systemRoot } from './system-root.js';
import { transportMachine as transport } from './transport.js';

/** One agent over all its incarnations. */
export const agentMachine: AnyStateMachine = agent;
/** The connection of a client to one server. */
export const linkMachine: AnyStateMachine = link;
/** The life of a supervisor. */
export const supervisorMachine: AnyStateMachine = supervisor;
/** The root of a system of actors. */
export const systemRootMachine: AnyStateMachine = systemRoot;
/** The door of a server. */
export const transportMachine: AnyStateMachine = transport;
