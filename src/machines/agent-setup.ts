import { assign, cancel, enqueueActions, raise, setup } from 'xstate';
import { type AgentEvent, MAX_EXTENSION } from '../model/agent.js';
import type { Cause } from '../model/exit.js';
import {
  type AgentContext,
  type AgentInput,
  continueRuntime,
  freshIncarnation,
  grantExtension,
  type Heading,
  holdRuntime,
  noteExit,
  noteFailure,
  noteHealth,
  noteLimit,
  notePass,
  noteStop,
  noteUnhealthy,
  toleratesFailure,
} from '../model/lifecycle.js';
import type { HookName } from '../model/process.js';
import { effect } from './effects.js';

/* The parts of the agent's chart: assignments to its context, guards, delays, and the effects that an actor provides. */

/** The states that are reported on entry. */
export type ReportedState =
  | 'spawning'
  | 'running'
  | 'paused'
  | 'stopping'
  | 'zombie'
  | 'failed'
  | 'completed'
  | 'stopped';

/** The kinds of report besides states, sub-states and exits. */
export type ReportedKind = 'started' | 'ready' | 'paused' | 'resumed' | 'health';

/** The notifications to a supervisor. */
export type Notification = 'ready' | 'ended' | 'stuck';

/** The extension that is granted for a request, in ms. */
const grantedBy = ({ extension, extended }: AgentContext, event: AgentEvent): number =>
  event.type === 'EXTEND' ? grantExtension(event.ms, extension, extended, MAX_EXTENSION) : 0;

/* The runtime limit is one delayed event. Only agents with a limit have it: XState walks the pending events of a whole system when an actor stops. */

/** Its types are explicit, because inference within `setup` fails. */
const conditional = enqueueActions<AgentContext, AgentEvent, undefined, AgentEvent, never, never, never, never, never>;

/*
 * These actions are made here, not by `enqueue.raise` and `enqueue.assign`: those would make them while an effect of the supervisor sends an event to the
 * agent, and XState's development build takes that for a custom action that calls an action creator, and warns.
 */
const raiseRuntimeOver = raise<AgentContext, AgentEvent, AgentEvent, undefined, never>(
  { type: 'RUNTIME_OVER' },
  { id: 'runtime', delay: ({ context: { runtime } }) => runtime?.left ?? 0 },
);
const resetExtension = assign<AgentContext, AgentEvent, undefined, AgentEvent, never>({
  extension: 0,
  extended: 0,
  overdue: false,
});

const startRuntimeTimer = conditional(({ context: { runtime }, enqueue }) => {
  if (runtime !== null) enqueue(raiseRuntimeOver);
});

/** Conditional, because most agents never ask for more time and an assignment copies the whole context. */
const freshExtension = conditional(({ context: { extended, overdue }, enqueue }) => {
  if (extended > 0 || overdue) enqueue(resetExtension);
});

export const agentSetup = setup({
  types: {
    context: {} as AgentContext,
    events: {} as AgentEvent,
    input: {} as AgentInput,
  },
  actions: {
    begin: assign(({ context, event }) => (event.type === 'START' ? freshIncarnation(event, context.settings) : {})),
    notePorts: assign(({ event }) => (event.type === 'LEASED' ? { ports: event.ports } : {})),
    noteSpawned: assign(({ event }) => (event.type === 'SPAWNED' ? { pid: event.pid, startedAt: event.at } : {})),
    noteReady: assign(({ event }) => (event.type === 'READY' ? { readyAt: event.at, since: event.at } : {})),
    noteSpawnedReady: assign(({ event }) =>
      event.type === 'SPAWNED' ? { pid: event.pid, startedAt: event.at, readyAt: event.at, since: event.at } : {},
    ),
    noteExit: assign(({ context, event }) => (event.type === 'EXITED' ? noteExit(context, event) : {})),
    noteStop: assign(({ context, event }) => (event.type === 'STOP' ? noteStop(context, event.cause) : {})),
    noteLimit: assign(({ event }) => (event.type === 'LIMIT_PASSED' ? noteLimit(event) : {})),
    noteRuntimeOver: assign(({ context: { settings } }) =>
      noteLimit({
        cause: 'timeout',
        detail: `it exceeded its maxRuntime of ${settings.maxRuntime} ms`,
        action: 'stop',
      }),
    ),
    noteCause: assign((_, params: { cause: Cause; heading: Heading }) => params),
    noteHookTimeout: assign(({ context: { settings } }) => ({
      cause: 'spawn-error' as const,
      heading: 'failed' as const,
      detail: `its hook beforeStart did not end within ${settings.hooks.timeout} ms`,
    })),
    noteDetail: assign(({ event }) => ('detail' in event ? { detail: event.detail } : {})),
    notePause: assign(({ context, event }) =>
      event.type === 'PAUSE'
        ? { pausedAt: context.pausedAt ?? event.at, pauseMode: event.mode, pauseProblem: null }
        : {},
    ),
    notePauseProblem: assign(({ event }) => (event.type === 'FREEZE_FAILED' ? { pauseProblem: event.detail } : {})),
    noteAwake: assign({ pauseMode: 'cooperative' as const }),
    noteResumed: assign({ pausedAt: null, pauseMode: null }),
    noteHealth: assign(({ context, event }) =>
      event.type === 'HEALTH' ? noteHealth(context, event.health, event.at) : {},
    ),
    notePass: assign(({ context, event }) => (event.type === 'PROBE_PASSED' ? notePass(context, event) : {})),
    noteFailure: assign(({ context, event }) => (event.type === 'PROBE_FAILED' ? noteFailure(context, event) : {})),
    noteUnhealthy: assign(({ context, event }) => (event.type === 'PROBE_FAILED' ? noteUnhealthy(context, event) : {})),
    noteDrained: assign({ drained: true }),
    noteConcluded: assign({ isConcluded: true }),
    noteRetry: assign(({ event }) => ({ retryIn: event.type === 'RETRY' ? event.delay : null })),
    noteExtension: assign(({ context, event }) => {
      const granted = grantedBy(context, event);
      return { extension: granted, extended: context.extended + granted };
    }),
    endExtension: assign({ extension: 0 }),
    freshExtension,
    noteOverdue: assign({ overdue: true }),

    holdRuntime: assign(({ context, event }) => (event.type === 'PAUSE' ? holdRuntime(context, event.now) : {})),
    continueRuntime: assign(({ context, event }) =>
      event.type === 'RESUME' ? continueRuntime(context, event.now) : {},
    ),
    startRuntimeTimer,
    stopRuntimeTimer: cancel('runtime'),

    /** Writes the time of entry into the context (`since`) if the event does not carry it. The actor reads the clock; the chart has none. */
    noteEntry: effect('noteEntry'),
    countStart: effect('countStart'),
    lease: effect('lease'),
    /** Leases the ports that a kept incarnation has. */
    keepPorts: effect('keepPorts'),
    /** Its hook after the end may still run for long, without the ports. */
    cancelLease: effect('cancelLease'),
    launch: effect('launch'),
    watchReadiness: effect('watchReadiness'),
    unwatchReadiness: effect('unwatchReadiness'),
    watchResources: effect('watchResources'),
    unwatchResources: effect('unwatchResources'),
    /** Probes its liveness from now on, if its spec wants that; ends a watch that is under way. */
    watchLiveness: effect('watchLiveness'),
    unwatchLiveness: effect('unwatchLiveness'),
    kill: effect('kill'),
    drain: effect('drain'),
    freeze: effect('freeze'),
    thaw: effect('thaw'),
    sendPause: effect('sendPause'),
    sendResume: effect('sendResume'),
    inspect: effect('inspect'),
    release: effect('release'),
    recordExit: effect('recordExit'),
    /** Asks the supervisor to stop the agent without a restart, as a command would. */
    requestStop: effect('requestStop'),
    reportState: effect<{ state: ReportedState }>('reportState'),
    reportSubstate: effect<{ substate: string }>('reportSubstate'),
    report: effect<{ kind: ReportedKind }>('report'),
    runHook: effect<{ hook: HookName }>('runHook'),
    /** Runs the hook after the end of the unfinished incarnation. */
    recover: effect('recover'),
    askHook: effect('askHook'),
    killHook: effect('killHook'),
    closeInput: effect('closeInput'),
    ask: effect<{ again: boolean }>('ask'),
    notifySupervisor: effect<{ of: Notification }>('notifySupervisor'),
  },
  guards: {
    needsPorts: ({ context }) => context.settings.leases,
    isReadyAtOnce: ({ context }) => context.settings.readyAtOnce,
    isBrutal: ({ context, event }) => context.settings.stop.brutal || (event.type === 'STOP' && event.brutal),
    isKept: ({ context }) => context.isKept,
    hasHookBeforeStart: ({ context }) => context.settings.hooks.beforeStart !== null,
    hasUnfinished: ({ context }) => context.settings.hooks.afterEnd !== null && context.unfinished !== null,
    owesHookAfterEnd: ({ context }) => context.settings.hooks.afterEnd !== null && !context.isConcluded,
    hookSucceeded: ({ event }) => event.type === 'HOOK_ENDED' && event.detail === '',
    closesInput: ({ context }) => context.settings.stop.closeInput !== null,
    asksMainProcess: ({ context }) => context.settings.stop.scope === 'main',
    isForced: ({ event }) => event.type === 'PAUSE' && event.mode === 'forced',
    leavesNothing: ({ event }) => event.type === 'EXITED' && event.empty && event.drained,
    leavesOutput: ({ event }) => event.type === 'EXITED' && event.empty,
    neverRan: ({ context }) => context.exit === null,
    isDrained: ({ context }) => context.drained,
    mayExtend: ({ context, event }) => grantedBy(context, event) > 0,
    isExtended: ({ context }) => context.extension > 0,
    isOverdue: ({ context }) => context.overdue,
    isRestartLimit: ({ event }) => event.type === 'LIMIT_PASSED' && event.action === 'restart',
    saysHealthy: ({ event }) => event.type === 'HEALTH' && event.health === 'healthy',
    saysUnhealthy: ({ event }) => event.type === 'HEALTH' && event.health === 'unhealthy',
    toleratesFailure: ({ context, event }) => event.type === 'PROBE_FAILED' && toleratesFailure(context, event),
    hasPassed: ({ context }) => context.health === 'healthy' && context.failures === 0,
    wasHealthy: ({ context }) => context.health === 'healthy',
    wasUnhealthy: ({ context }) => context.health === 'unhealthy',
    isCompleted: ({ context }) => context.heading === 'completed',
    isStopped: ({ context }) => context.heading === 'stopped',
  },
  delays: {
    ready: ({ context }) => context.settings.readyTimeout,
    hook: ({ context }) => context.settings.hooks.timeout,
    closeInput: ({ context }) => context.settings.stop.closeInput ?? 0,
    ask: ({ context }) => context.settings.stop.ask,
    insist: ({ context }) => context.settings.stop.insist,
    kill: ({ context }) => context.settings.stop.kill,
    drain: ({ context }) => context.settings.stop.drain,
    extension: ({ context }) => context.extension,
  },
});
