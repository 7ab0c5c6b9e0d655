import type { StateValue } from 'xstate';
import type { Sink } from '../../drivers/driver.js';
import { listensOn } from '../../drivers/proc/sockets.js';
import { messageOf } from '../../errors.js';
import { agentMachine } from '../../machines/agent.js';
import type { AnnouncedState, ReportedKind, ToldFact } from '../../machines/agent-setup.js';
import { type AgentEvent, isStale } from '../../model/agent.js';
import type { AgentContext } from '../../model/lifecycle.js';
import { blockersText } from '../../model/report.js';
import type { World } from '../world.js';
import { type AgentCell, endWatch, isAtRest, isWithin, type Told, textOf } from './cell.js';
import { exitRecord, reasonOf } from './exit-record.js';
import { filledReadiness, startOrder } from './launch.js';
import { watchReadiness } from './probes.js';
import { limitRuntime } from './runtime.js';
import { notifyWatchers } from './waiting.js';

/** Gives the agent's chart its hands, once per tree: each effect finds its agent by path. */
export function createAgentLogic(world: World): typeof agentMachine {
  const hand =
    <P>(act: (cell: AgentCell, context: AgentContext, params: P) => void) =>
    ({ context }: { context: AgentContext }, params: P): void => {
      const cell = world.registry.agentAt(context.path);
      if (cell === undefined) return;
      cell.context = context;
      try {
        act(cell, context, params);
      } catch (thrown) {
        world.complain(cell.path, thrown);
      }
    };

  const chart = agentMachine.provide({
    actions: {
      publish: hand(() => {}),
      lease: hand((cell, context) => lease(world, cell, context)),
      launch: hand((cell, context) => launch(world, cell, context)),
      watch: hand((cell, context) => watch(world, cell, context)),
      unwatch: hand((cell) => endWatch(cell)),
      ask: hand((cell, context, { again }) => ask(cell, context, again)),
      kill: hand((cell) => cell.body?.kill()),
      drain: hand((cell) => cell.body?.drain()),
      freeze: hand((cell) => cell.body?.freeze()),
      thaw: hand((cell) => cell.body?.thaw()),
      tellPause: hand((cell) => tellBody(world, cell, PAUSE_LINE)),
      tellResume: hand((cell) => tellBody(world, cell, RESUME_LINE)),
      inspect: hand((cell, context) => inspect(world, cell, context)),
      release: hand((cell, context) => release(world, cell, context)),
      recordExit: hand((cell, context) => recordExit(world, cell, context)),
      announce: hand((cell, context, { state }) => announce(world, cell, context, state)),
      report: hand((cell, context, { kind }) => report(world, cell, context, kind)),
      tell: hand((cell, context, { fact }) => cell.tell(told(cell, context, fact))),
    },
  });
  // Only when a step is over does an actor have its new value. An observer of each would do, and cost 1.6 kB an agent.
  const { transition } = chart;
  chart.transition = (before, event, scope) => {
    const after = transition(before, event, scope);
    const cell = world.registry.agentAt(after.context.path);
    if (cell !== undefined && isSubstep(cell, before.value, after.value)) {
      scope.defer(() => tellSubstate(world, cell, after.context, textOf(after.value)));
    }
    return after;
  };
  return chart;
}

/**
 * Whether a step of the chart changed the sub-state and not the state. Where an agent is when it comes into a state goes without saying, and
 * what keeps it at rest `restarting` and `exhausted` have told.
 */
function isSubstep(cell: AgentCell, before: StateValue, after: StateValue): boolean {
  if (before === after || isAtRest(cell)) return false;
  const from = textOf(before);
  return isWithin(cell.state, from) && from !== textOf(after);
}

function tellSubstate(world: World, { path, state }: AgentCell, { incarnation }: AgentContext, detail: string): void {
  world.reports.emit(path, { type: 'substate', state, detail, incarnation });
}

/** The lines that a cooperative agent reads from its standard input (agent protocol 1.0.0). */
const PAUSE_LINE = '{"type":"pause","action":"pause"}\n';
const RESUME_LINE = '{"type":"pause","action":"resume"}\n';

/**
 * The one door through which an agent's actor is spoken to. A fact of an incarnation that is not the living one becomes a dead letter;
 * a lease of one is given back.
 */
export function deliver(world: World, cell: AgentCell, event: AgentEvent): void {
  if (isStale(event, cell.context.incarnation)) return deadLetter(world, cell, event);
  if (event.type === 'FREEZE_FAILED') cell.unfrozen ??= event.detail;
  cell.ref.send(event);
  notifyWatchers(cell.identity);
}

function deadLetter(world: World, cell: AgentCell, event: AgentEvent): void {
  // The output of an incarnation that was not awaited to its end ends all the same: that is its normal course.
  if (event.type === 'DRAINED') return;
  const incarnation = 'incarnation' in event ? event.incarnation : 0;
  if (event.type === 'LEASED') world.ports.release(cell.path, incarnation, true);
  const reason = `incarnation ${cell.context.incarnation} is the living one`;
  world.reports.emit(cell.path, { type: 'dead-letter', event: event.type, incarnation, reason });
}

function lease(world: World, cell: AgentCell, { incarnation }: AgentContext): void {
  world.ports.lease(cell.path, incarnation, cell.spec.ports).then(
    (ports) => deliver(world, cell, { type: 'LEASED', incarnation, ports }),
    (thrown) => {
      const at = world.clock.wall();
      deliver(world, cell, { type: 'LEASE_FAILED', incarnation, detail: messageOf(thrown), at });
    },
  );
}

function launch(world: World, cell: AgentCell, context: AgentContext): void {
  cell.order = startOrder(world, cell, context);
  cell.output.startOfIncarnation();
  cell.body = world.driverOf(cell.spec).start(cell.order, sinkOf(world, cell, context.incarnation));
}

function sinkOf(world: World, cell: AgentCell, incarnation: number): Sink {
  return {
    fact: (fact) => deliver(world, cell, fact),
    output: (stream, bytes) => cell.output.push(stream, bytes),
    notified: (word) => onWord(world, cell, incarnation, word),
  };
}

/** The words of sd_notify(3) that mean something here. */
function onWord(world: World, cell: AgentCell, incarnation: number, word: string): void {
  cell.word?.(word);
  const [name, value] = word.split('=', 2);
  if (name === 'EXTEND_TIMEOUT_USEC' && Number(value) > 0) {
    deliver(world, cell, { type: 'EXTEND', incarnation, ms: Number(value) / 1000 });
  } else if (name === 'HEALTH' && (value === 'healthy' || value === 'unhealthy')) {
    deliver(world, cell, { type: 'HEALTH', incarnation, health: value });
  }
}

function watch(world: World, cell: AgentCell, context: AgentContext): void {
  const { clock } = world;
  const { incarnation, ports } = context;
  const { output, spec, order, body } = cell;
  const ownsPort = (port: number) => listensOn(body?.members() ?? [], port);
  const readiness = filledReadiness(spec, context);
  const watching = watchReadiness(
    { readiness, ports, output, clock, cwd: spec.cwd, env: order?.env ?? {}, ownsPort },
    () => deliver(world, cell, { type: 'READY', incarnation, at: clock.wall() }),
    (problem) => world.reports.emit(cell.path, { type: 'error', problem }),
  );
  cell.word = (word) => watching.word(word);
  cell.unwatch = () => watching.cancel();
}

/** Asks the tree to end: the first time by the message where the spec has one, otherwise by the signal. */
function ask(cell: AgentCell, { settings: { stop } }: AgentContext, again: boolean): void {
  const { body } = cell;
  if (body === null) return;
  if (stop.message === null || again) return body.ask(stop.signal);
  body.thaw();
  body.write(Buffer.from(`${stop.message}\n`)).catch(() => body.ask(stop.signal));
}

function tellBody(world: World, cell: AgentCell, line: string): void {
  cell.body?.write(Buffer.from(line)).catch((thrown) => world.complain(cell.path, thrown));
}

function inspect(world: World, cell: AgentCell, { incarnation }: AgentContext): void {
  cell.blockers = cell.body?.inspect() ?? [];
  world.reports.emit(cell.path, { type: 'zombie', incarnation, blockers: cell.blockers });
}

/** Nothing of the incarnation is left: its ports are free, and its record gets the last lines that were read after the exit. */
function release(world: World, cell: AgentCell, context: AgentContext): void {
  if (context.settings.leases) world.ports.release(cell.path, context.incarnation, context.heading !== 'failed');
  cell.output.endOfIncarnation();
  if (cell.exit?.incarnation === context.incarnation) {
    cell.exit = { ...exitRecord(cell, context, world.clock.wall()), exitedAt: cell.exit.exitedAt };
  }
  cell.body = null;
}

function recordExit(world: World, cell: AgentCell, context: AgentContext): void {
  cell.exit = exitRecord(cell, context, world.clock.wall());
  world.reports.emit(cell.path, { type: 'exited', incarnation: context.incarnation, exit: cell.exit });
}

function announce(world: World, cell: AgentCell, context: AgentContext, state: AnnouncedState): void {
  cell.state = state;
  cell.since = world.clock.wall();
  if (state === 'spawning') beginIncarnation(cell, context);
  watchLimits(world, cell, context, state);
  limitRuntime(world, cell, state);
  world.reports.emit(cell.path, { type: 'state', state, incarnation: context.incarnation });
  notifyWatchers(cell.identity);
}

function beginIncarnation(cell: AgentCell, { incarnation }: AgentContext): void {
  cell.identity.incarnation = incarnation;
  cell.identity.starts++;
  cell.pid = null;
  cell.blockers = [];
  cell.overLimit = null;
}

function watchLimits(world: World, cell: AgentCell, { incarnation }: AgentContext, state: AnnouncedState): void {
  const { memory, cpu } = cell.spec.limits;
  if (memory === null && cpu === null) return;
  if (state !== 'running') return world.monitor.unwatch(cell.path);
  world.monitor.watch(cell.path, cell.spec.limits, (_, resource, value, max, action) => {
    world.reports.emit(cell.path, { type: 'limit', resource, value, max, action });
    const cause = resource === 'memory' ? 'memory-limit' : 'cpu-limit';
    const detail = `${value} of ${max}`;
    if (action === 'restart') deliver(world, cell, { type: 'CONDEMN', incarnation, cause, detail });
    else if (action === 'stop') {
      cell.overLimit = { cause, detail };
      cell.stop().catch((thrown) => world.complain(cell.path, thrown));
    }
  });
}

function report(world: World, cell: AgentCell, context: AgentContext, kind: ReportedKind): void {
  const { incarnation, pid, ports, health } = context;
  switch (kind) {
    case 'started':
      cell.pid = pid;
      return world.reports.emit(cell.path, { type: kind, incarnation, pid, ports });
    case 'ready':
      return world.reports.emit(cell.path, { type: kind, incarnation, after: readyAfter(context) });
    case 'paused':
      return world.reports.emit(cell.path, { type: kind, incarnation, mode: context.pauseMode ?? 'forced' });
    case 'resumed':
      return world.reports.emit(cell.path, { type: kind, incarnation });
    case 'health':
      return world.reports.emit(cell.path, { type: kind, incarnation, health });
  }
}

function readyAfter({ readyAt, startedAt }: AgentContext): number {
  return readyAt === null || startedAt === null ? 0 : readyAt - startedAt;
}

function told(cell: AgentCell, context: AgentContext, fact: ToldFact): Told {
  const generation = context.incarnation;
  if (fact === 'ended') return { type: 'ended', generation, reason: reasonOf(cell, context) };
  if (fact === 'stuck') return { type: 'stuck', generation, blockers: blockersText(cell.blockers) };
  return { type: 'ready', generation };
}
