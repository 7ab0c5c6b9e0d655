/** The production charts, to be drawn, imported into the Stately editor, or tested as tables. */
export { agentMachine } from './agent.js';
export { linkMachine } from './link.js';
export { supervisorMachine } from './supervisor.js';
export { systemRootMachine } from './system-root.js';
export { transportMachine } from './transport.js';
