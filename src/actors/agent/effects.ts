import { assign, enqueueActions } from 'xstate';
import type { Sink } from '../../drivers/driver.js';
import { messageOf, SupertreeError } from '../../errors.js';
import { agentMachine } from '../../machines/agent.js';
import type { Notification, ReportedKind, ReportedState } from '../../machines/agent-setup.js';
import type { AgentEvent } from '../../model/agent.js';
import type { AgentContext } from '../../model/lifecycle.js';
import { blockersText, limitText } from '../../model/report.js';
import type { World } from '../world.js';
import { type Agent, blockersOf, type ChildFact, stateOf } from './agent.js';
import { deliver } from './deliver.js';
import { completeExit, exitRecord, reasonOf } from './exit-record.js';
import { askHook, killHook, recover, runHook } from './hooks.js';
import { startOrder } from './launch.js';
import { forgetMessages, onMessage } from './messages.js';
import { notifyWatchers } from './waiting.js';
import { beginLivenessWatch, beginReadinessWatch, endLivenessWatch, endReadinessWatch } from './watches.js';

/** Provides the effects of the agent's chart, once per tree: each effect finds its agent by path. */
export function createAgentLogic(world: World): typeof agentMachine {
  const hand =
    <P>(act: (agent: Agent, context: AgentContext, params: P) => void) =>
    ({ context }: { context: AgentContext }, params: P): void => {
      const agent = world.registry.agentAt(context.path);
      if (agent === undefined) return;
      world.steps.record(agent, () => {
        try {
          act(agent, context, params);
        } catch (thrown) {
          world.reportError(agent.path, thrown);
        }
      });
    };

  // Made once: XState's development build warns of an action that is made during an effect.
  const noteTime = assign<AgentContext, AgentEvent, undefined, AgentEvent, never>({ since: () => world.clock.wall() });

  return agentMachine.provide({
    actions: {
      // Each assignment copies the whole context: there is none when the event carries the time.
      noteEntry: enqueueActions(({ context, enqueue }) => {
        if (world.clock.wall() !== context.since) enqueue(noteTime);
      }),
      countStart: hand(countStart),
      lease: hand((agent, context) => lease(world, agent, context)),
      keepPorts: hand((agent, context) => keepPorts(world, agent, context)),
      cancelLease: hand(({ path }, { incarnation }) => world.ports.release(path, incarnation, true)),
      runHook: hand((agent, context, { hook }) => runHook(world, agent, context, hook)),
      recover: hand((agent, context) => recover(world, agent, context)),
      askHook: hand(askHook),
      killHook: hand((agent) => killHook(world, agent)),
      launch: hand((agent, context) => launch(world, agent, context)),
      watchReadiness: hand((agent, context) => beginReadinessWatch(world, agent, context)),
      unwatchReadiness: hand(endReadinessWatch),
      watchLiveness: hand((agent, context) => beginLivenessWatch(world, agent, context)),
      unwatchLiveness: hand(endLivenessWatch),
      watchResources: hand((agent, context) => watchResources(world, agent, context)),
      unwatchResources: hand((agent) => world.monitor.unwatch(agent.path)),
      closeInput: hand((agent) => closeInput(agent)),
      ask: hand((agent, context, { again }) => ask(agent, context, again)),
      kill: hand((agent) => kill(world, agent)),
      drain: hand((agent) => agent.body?.drain()),
      freeze: hand((agent) => agent.body?.freeze()),
      thaw: hand((agent) => agent.body?.thaw()),
      sendPause: hand((agent) => sendLine(world, agent, PAUSE_LINE)),
      sendResume: hand((agent) => sendLine(world, agent, RESUME_LINE)),
      inspect: hand((agent, context) => inspect(world, agent, context)),
      release: hand((agent, context) => release(world, agent, context)),
      recordExit: hand((agent, context) => recordExit(world, agent, context)),
      requestStop: hand((agent) => requestStop(world, agent)),
      reportState: hand((agent, context, { state }) => reportState(world, agent, context, state)),
      reportSubstate: hand((agent, context, { substate }) => reportSubstate(world, agent, context, substate)),
      report: hand((agent, context, { kind }) => report(world, agent, context, kind)),
      notifySupervisor: hand((agent, context, { of }) => agent.notifySupervisor(childFact(agent, context, of))),
    },
  });
}

/** The lines that a cooperative agent reads from its standard input (agent protocol 1.0.0). */
const PAUSE_LINE = '{"type":"pause","action":"pause"}\n';
const RESUME_LINE = '{"type":"pause","action":"resume"}\n';

function lease(world: World, agent: Agent, { incarnation }: AgentContext): void {
  world.ports.lease(agent.path, incarnation, agent.spec.ports).then(
    (ports) => deliver(world, agent, { type: 'LEASED', incarnation, ports }),
    (thrown) => {
      const at = world.clock.wall();
      deliver(world, agent, { type: 'LEASE_FAILED', incarnation, detail: withRemedy(thrown), at });
    },
  );
}

/** It runs and has its ports, whatever becomes of the lease. */
function keepPorts(world: World, { path, spec }: Agent, { incarnation, ports }: AgentContext): void {
  const requests = spec.ports.filter(({ name }) => Object.hasOwn(ports, name));
  world.ports.lease(path, incarnation, requests, ports).catch((thrown) => reportUnlessSuperseded(world, path, thrown));
}

/** Whoever reads why an agent did not start reads what to do as well. It ends up in a sentence, which has its own full stop. */
function withRemedy(thrown: unknown): string {
  const text = thrown instanceof SupertreeError ? `${thrown.message} ${thrown.remedy}` : messageOf(thrown);
  return text.replace(/\.$/, '');
}

function launch(world: World, agent: Agent, context: AgentContext): void {
  agent.order = startOrder(world, agent, context);
  // The output of a kept incarnation is there already.
  if (!context.isKept) agent.output.startOfIncarnation();
  forgetMessages(agent);
  agent.body = world.driverOf(agent.spec).start(agent.order, sinkOf(world, agent, context.incarnation));
}

function sinkOf(world: World, agent: Agent, incarnation: number): Sink {
  return {
    fact: (fact) => deliver(world, agent, fact),
    output: (stream, bytes) => {
      agent.output.push(stream, bytes);
      agent.liveness?.wrote(stream);
    },
    notified: (word) => onMessage(world, agent, incarnation, word),
  };
}

/** Asks the process tree to stop: the first time by the message if the spec has one, otherwise by the signal. */
function ask(agent: Agent, { settings: { stop } }: AgentContext, again: boolean): void {
  const { body } = agent;
  if (body === null) return;
  if (stop.message === null || again) return body.ask(stop.signal);
  body.thaw();
  body.write(Buffer.from(`${stop.message}\n`)).catch(() => body.ask(stop.signal));
}

function kill(world: World, agent: Agent): void {
  agent.body?.kill();
  killHook(world, agent);
}

/** Its processes may be stopped by SIGSTOP, and would not notice. */
function closeInput({ body }: Agent): void {
  body?.thaw();
  body?.endInput();
}

function sendLine(world: World, agent: Agent, line: string): void {
  agent.body?.write(Buffer.from(line)).catch((thrown) => world.reportError(agent.path, thrown));
}

function inspect(world: World, agent: Agent, { incarnation }: AgentContext): void {
  world.reports.emit(agent.path, { type: 'zombie', incarnation, blockers: blockersOf(agent) });
}

/** Nothing of the incarnation is left: its ports are released, and its record gets the last lines that were read after the exit. */
function release(world: World, agent: Agent, context: AgentContext): void {
  if (context.settings.leases) world.ports.release(agent.path, context.incarnation, context.heading !== 'failed');
  agent.output.endOfIncarnation();
  completeExit(agent, context, world.clock.wall(), context.isConcluded);
  agent.body = null;
}

function recordExit(world: World, agent: Agent, context: AgentContext): void {
  agent.exit = exitRecord(agent, context, world.clock.wall());
  world.reports.emit(agent.path, { type: 'exited', incarnation: context.incarnation, exit: agent.exit });
}

function countStart({ record }: Agent, { incarnation }: AgentContext): void {
  record.incarnation = incarnation;
  record.starts++;
}

/** No caller waits for the result. A supervisor that ends, or restarts the agent, may reject it; any other error is reported. */
function requestStop(world: World, agent: Agent): void {
  agent.requestStop().catch((thrown) => reportUnlessSuperseded(world, agent.path, thrown));
}

function reportUnlessSuperseded(world: World, path: string, thrown: unknown): void {
  const isSuperseded = thrown instanceof SupertreeError && SUPERSEDED_CODES.has(thrown.code);
  if (!isSuperseded) world.reportError(path, thrown);
}

const SUPERSEDED_CODES: ReadonlySet<string> = new Set(['SUPERSEDED', 'SUPERVISOR_ENDED']);

function watchResources(world: World, { path, spec: { limits } }: Agent, { incarnation }: AgentContext): void {
  if (limits.memory === null && limits.cpu === null) return;
  world.monitor.watch(path, limits, (_, excess) => {
    const { resource, action } = excess;
    world.reports.emit(path, { type: 'limit', ...excess });
    const agent = world.registry.agentAt(path);
    if (action === 'report' || agent === undefined) return;
    const cause = resource === 'memory' ? 'memory-limit' : 'cpu-limit';
    deliver(world, agent, { type: 'LIMIT_PASSED', incarnation, cause, detail: limitText(excess), action });
  });
}

function reportState(world: World, agent: Agent, { incarnation }: AgentContext, state: ReportedState): void {
  world.reports.emit(agent.path, { type: 'state', state, incarnation });
  notifyWatchers(agent.record);
}

/** Steps that an earlier effect of the same step has caused are still waiting, so the agent is still in the state of the chart. */
function reportSubstate(world: World, agent: Agent, { incarnation }: AgentContext, detail: string): void {
  world.reports.emit(agent.path, { type: 'substate', state: stateOf(agent), detail, incarnation });
}

function report(world: World, agent: Agent, context: AgentContext, kind: ReportedKind): void {
  const { incarnation, pid, ports, health, probeProblem } = context;
  switch (kind) {
    case 'started': {
      const type = agent.body?.isAdopted === true ? 'adopted' : kind;
      return world.reports.emit(agent.path, { type, incarnation, pid, ports });
    }
    case 'ready':
      return world.reports.emit(agent.path, { type: kind, incarnation, after: readyAfter(context) });
    case 'paused':
      return world.reports.emit(agent.path, { type: kind, incarnation, mode: context.pauseMode ?? 'forced' });
    case 'resumed':
      return world.reports.emit(agent.path, { type: kind, incarnation });
    case 'health':
      return world.reports.emit(agent.path, { type: kind, incarnation, health, detail: probeProblem });
  }
}

function readyAfter({ readyAt, startedAt }: AgentContext): number {
  return readyAt === null || startedAt === null ? 0 : readyAt - startedAt;
}

function childFact(agent: Agent, context: AgentContext, of: Notification): ChildFact {
  const generation = context.incarnation;
  if (of === 'ended') return { type: 'ended', generation, reason: reasonOf(agent, context) };
  if (of === 'stuck') return { type: 'stuck', generation, blockers: blockersText(blockersOf(agent)) };
  return { type: 'ready', generation };
}
