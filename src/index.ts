/** The public names of supertree, one by one. */

export type { PortOptions } from './actors/ports/ports.js';
export { createTree } from './actors/tree.js';
export type { TreeOptions } from './actors/tree-options.js';
export type { Clock } from './contract/clock.js';
export type {
  AgentHandle,
  AgentView,
  LineItem,
  LinesOptions,
  OutputLine,
  OutputPage,
  OutputQuery,
  SupervisorHandle,
  SupervisorView,
  TextLine,
  Tree,
  TreeEnd,
  TreeView,
  Usage,
  WaitOptions,
} from './contract/view.js';
export type { Driver, Incarnation, ProcessTimes, ReadProcesses, ReadPss, Sink, StartOrder } from './drivers/driver.js';
export { type ErrorCode, type ErrorDetails, SupertreeError } from './errors.js';
export type { AgentState, Blocker, Health } from './model/agent.js';
export type { DriverName } from './model/driver-name.js';
export type { Cause, ExitRecord } from './model/exit.js';
export type { ChildCount, ChildRow, Phase } from './model/fact.js';
export type {
  AgentInput,
  AgentTemplate,
  AgentTraits,
  CommandAgent,
  CommandTemplate,
  LimitInput,
  LogicAgent,
  LogicTemplate,
  NodeInput,
  PoolInput,
  PortsInput,
  ReadinessInput,
  StopInput,
  SupervisorInput,
  TaskAgent,
  TaskTemplate,
} from './model/input.js';
export type { LivenessInput } from './model/liveness.js';
export type { Problem } from './model/problem.js';
export type {
  EnvironmentInheritance,
  EnvironmentInput,
  HookName,
  Hooks,
  HooksInput,
  NoProcessOptions,
  ProcessOptions,
  ProcessPlan,
  ResourceName,
  Rlimit,
  RlimitInput,
  StdinMode,
} from './model/process.js';
export {
  type MemoryMeasure,
  type Report,
  type ReportBody,
  type ReportOf,
  type ReportType,
  type SupervisorStatus,
  toText,
} from './model/report.js';
export type { NodeSpec, PauseMode, RestartType, Strategy, StreamName, TaskBody, TaskContext } from './model/spec.js';
export { validate } from './model/validate.js';
