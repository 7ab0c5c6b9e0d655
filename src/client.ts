/** The client of a supertree server: `import { connect } from 'supertree/client'`. */
export { type ErrorCode, type ErrorDetails, SupertreeError } from './errors.js';
export type { Client, ConnectOptions, LifecycleOptions, RequestOptions } from './transport/client.js';
export { connect } from './transport/client.js';
export type {
  AgentRow,
  LogsPage,
  LogsQuery,
  OperationName,
  Operations,
  ParamsOf,
  Progress,
  ResultOf,
  ServerHealth,
} from './transport/operations.js';
