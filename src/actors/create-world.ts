import type { InspectionEvent } from 'xstate';
import { type Clock, systemClock } from '../contract/clock.js';
import { createProcessDriver } from '../drivers/choice.js';
import type { Driver } from '../drivers/driver.js';
import { createInProcessDriver } from '../drivers/in-process/in-process.js';
import { messageOf } from '../errors.js';
import type { DriverName } from '../model/driver-name.js';
import { inheritableEnvironment } from '../model/environment.js';
import { createAgentLogic } from './agent/effects.js';
import { type DeadlineClock, deadlineClock } from './deadlines.js';
import { createPorts } from './ports/ports.js';
import { Registry } from './registry.js';
import { createReports } from './reports.js';
import { Past } from './resume/past.js';
import { Recorder } from './resume/recorder.js';
import { resumeIntents } from './resume/resume.js';
import { Steps } from './steps.js';
import { createSupervisorLogic, createSystemRootLogic } from './supervisor/supervisor-logic.js';
import { TimingWheel, type WheelClock } from './timing-wheel.js';
import type { TreeOptions } from './tree-options.js';
import { createMonitor, type MonitorOptions } from './usage/monitor.js';
import type { World } from './world.js';

/** Makes the objects that all actors of a tree share, and its drivers. `isOver`: whether the tree has ended. */
export function createWorld(
  root: string,
  options: TreeOptions,
  isOver: () => boolean,
): { world: World; drivers: readonly Driver[] } {
  const clock = options.clock ?? systemClock;
  const reports = createReports(clock);
  const { store, driver } = options;
  const kept = (path: string) => processes.kept?.(path)?.incarnation;
  const past = store === undefined ? null : new Past(store, kept, clock.wall() - clock.now());
  const registry = new Registry((path) => past?.record(path));
  const reportError = (path: string, thrown: unknown): void => {
    reports.emit(path, { type: 'error', problem: messageOf(thrown) });
  };
  const bodies = options.bodies ?? createInProcessDriver({ clock, report: reportError });
  const report = (problem: string) => reports.emit(root, { type: 'error', problem });
  const named = (name?: DriverName) =>
    runsProcesses() ? createProcessDriver(name, { clock, tree: root, report }) : bodies;
  const processes = typeof driver === 'object' ? driver : named(driver);
  const deadlines = deadlineClock(clock, processes);
  const world: World = {
    clock,
    deadlines,
    random: options.random ?? Math.random,
    reports,
    reportError,
    registry,
    steps: new Steps(deadlines),
    ports: options.leases ?? createPorts(options.ports ?? {}, clock, (path, body) => reports.emit(path, body)),
    monitor: createMonitor({
      clock,
      membersOf: (path) => registry.agentAt(path)?.body?.members() ?? [],
      onProblem: (problem) => reportError(root, problem),
      ...readersOf(processes),
      ...(options.samplePeriod !== undefined && { period: options.samplePeriod }),
    }),
    wheel: new TimingWheel({ ...deadlines, now: clock.now }, (thrown) => reportError(root, thrown)),
    lineWheel: new TimingWheel(judged(clock, deadlines), (thrown) => reportError(root, thrown)),
    past,
    get recorder() {
      return recorder;
    },
    driverOf: (spec) => (spec.body.type === 'command' ? processes : bodies),
    isOver,
    env: inheritableEnvironment(process.env),
    endpoint: options.endpoint ?? null,
    inspect: options.inspect && isolated(options.inspect, (thrown) => reportError(root, thrown)),
    get logics() {
      return logics;
    },
  };
  const logics = {
    agent: createAgentLogic(world),
    supervisor: createSupervisorLogic(world),
    systemRoot: createSystemRootLogic(world),
  };
  const recorder = store === undefined ? null : new Recorder(world, store);
  if (past !== null) resumeIntents(world, past);
  return { world, drivers: [processes, bodies] };
}

/** A clock whose callbacks come after what had come before them was read, however busy this program was. */
function judged(clock: Clock, { caughtUp }: DeadlineClock): WheelClock {
  return {
    now: () => clock.now(),
    setTimeout: (fn, ms) => clock.setTimeout(() => caughtUp(fn), ms),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
}

/** An error in an inspector would block the actor: XState would never empty its mailbox again. */
function isolated(
  inspect: (event: InspectionEvent) => void,
  reportError: (thrown: unknown) => void,
): (event: InspectionEvent) => void {
  return (event) => {
    try {
      inspect(event);
    } catch (thrown) {
      reportError(thrown);
    }
  };
}

/** On other systems a tree has only tasks and logics: a command that is added later fails to start, with the reason. */
export function runsProcesses(): boolean {
  return process.platform === 'linux';
}

function readersOf({ readProcesses, readPss }: Driver): Pick<MonitorOptions, 'read' | 'readPss'> {
  return { ...(readProcesses && { read: readProcesses }), ...(readPss && { readPss }) };
}
