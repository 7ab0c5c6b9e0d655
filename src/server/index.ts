/** The bundled server for programs that embed it: `import { serve } from 'supertree/server'`. */
export type { Action, ActionContext, Actions } from '../control/actions.js';
export type { DriverName } from '../model/driver-name.js';
export type { ServerConfig } from './config.js';
export { type ServeOptions, serve } from './serve.js';
export { createServer, type Server, type ServerOptions, type ServerTreeOptions } from './server.js';
export type { ServerSettings } from './settings.js';
export { openState, type State, type StateOptions } from './state.js';
