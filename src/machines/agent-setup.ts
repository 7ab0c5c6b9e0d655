import { assign, setup } from 'xstate';
import { type AgentEvent, MAX_EXTENSION } from '../model/agent.js';
import type { Cause } from '../model/exit.js';
import {
  type AgentContext,
  type AgentInput,
  freshIncarnation,
  grantExtension,
  type Heading,
  noteExit,
} from '../model/lifecycle.js';
import { effect } from './effects.js';

/*
 * The words of the agent's chart: what it writes down, what it asks, how long it waits, and the effects that an actor gives hands to.
 */

/** The states that are announced when they are entered. */
export type AnnouncedState =
  | 'spawning'
  | 'running'
  | 'paused'
  | 'stopping'
  | 'zombie'
  | 'failed'
  | 'completed'
  | 'stopped';

/** What is reported besides states and exits. */
export type ReportedKind = 'started' | 'ready' | 'paused' | 'resumed' | 'health';

/** What a supervisor is told. */
export type ToldFact = 'ready' | 'ended' | 'stuck';

/** How many more milliseconds the agent gets of those that it asks for. */
const grantedBy = ({ extension, extended }: AgentContext, event: AgentEvent): number =>
  event.type === 'EXTEND' ? grantExtension(event.ms, extension, extended, MAX_EXTENSION) : 0;

export const agentSetup = setup({
  types: {
    context: {} as AgentContext,
    events: {} as AgentEvent,
    input: {} as AgentInput,
  },
  actions: {
    begin: assign(({ event }) => (event.type === 'START' ? freshIncarnation(event.incarnation, event.at) : {})),
    notePorts: assign(({ event }) => (event.type === 'LEASED' ? { ports: event.ports } : {})),
    noteSpawned: assign(({ event }) => (event.type === 'SPAWNED' ? { pid: event.pid, startedAt: event.at } : {})),
    noteReady: assign(({ event }) => ('at' in event ? { readyAt: event.at } : {})),
    noteExit: assign(({ context, event }) => (event.type === 'EXITED' ? noteExit(context, event) : {})),
    noteStop: assign(({ event }) =>
      event.type === 'STOP' ? { cause: event.cause, commanded: true, heading: 'stopped' as const } : {},
    ),
    noteCondemned: assign(({ event }) =>
      event.type === 'CONDEMN' ? { cause: event.cause, detail: event.detail, heading: 'failed' as const } : {},
    ),
    noteCause: assign((_, params: { cause: Cause; heading: Heading }) => params),
    noteDetail: assign(({ event }) => ('detail' in event ? { detail: event.detail } : {})),
    notePause: assign(({ context, event }) =>
      event.type === 'PAUSE' ? { pausedAt: context.pausedAt ?? event.at, pauseMode: event.mode } : {},
    ),
    noteAwake: assign({ pauseMode: 'cooperative' as const }),
    noteResumed: assign({ pausedAt: null, pauseMode: null }),
    noteHealth: assign(({ event }) => (event.type === 'HEALTH' ? { health: event.health } : {})),
    noteDrained: assign({ drained: true }),
    noteRetry: assign(({ event }) => ({ retryIn: event.type === 'RETRY' ? event.delay : null })),
    noteExtension: assign(({ context, event }) => {
      const granted = grantedBy(context, event);
      return { extension: granted, extended: context.extended + granted };
    }),
    endExtension: assign({ extension: 0 }),
    freshExtension: assign({ extension: 0, extended: 0, overdue: false }),
    noteOverdue: assign({ overdue: true }),

    /** What people can ask of it follows its context. */
    publish: effect('publish'),
    lease: effect('lease'),
    launch: effect('launch'),
    watch: effect('watch'),
    unwatch: effect('unwatch'),
    kill: effect('kill'),
    drain: effect('drain'),
    freeze: effect('freeze'),
    thaw: effect('thaw'),
    tellPause: effect('tellPause'),
    tellResume: effect('tellResume'),
    inspect: effect('inspect'),
    release: effect('release'),
    recordExit: effect('recordExit'),
    announce: effect<{ state: AnnouncedState }>('announce'),
    report: effect<{ kind: ReportedKind }>('report'),
    ask: effect<{ again: boolean }>('ask'),
    tell: effect<{ fact: ToldFact }>('tell'),
  },
  guards: {
    needsPorts: ({ context }) => context.settings.leases,
    isReadyAtOnce: ({ context }) => context.settings.readyAtOnce,
    isBrutal: ({ context, event }) => event.type === 'STOP' && (event.brutal || context.settings.stop.brutal),
    isForced: ({ event }) => event.type === 'PAUSE' && event.mode === 'forced',
    leavesNothing: ({ event }) => event.type === 'EXITED' && event.empty && event.drained,
    leavesOutput: ({ event }) => event.type === 'EXITED' && event.empty,
    neverRan: ({ context }) => context.exit === null,
    isDrained: ({ context }) => context.drained,
    mayExtend: ({ context, event }) => grantedBy(context, event) > 0,
    isExtended: ({ context }) => context.extension > 0,
    isOverdue: ({ context }) => context.overdue,
    saysHealthy: ({ event }) => event.type === 'HEALTH' && event.health === 'healthy',
    saysUnhealthy: ({ event }) => event.type === 'HEALTH' && event.health === 'unhealthy',
    wasHealthy: ({ context }) => context.health === 'healthy',
    wasUnhealthy: ({ context }) => context.health === 'unhealthy',
    isCompleted: ({ context }) => context.heading === 'completed',
    isStopped: ({ context }) => context.heading === 'stopped',
  },
  delays: {
    ready: ({ context }) => context.settings.readyTimeout,
    ask: ({ context }) => context.settings.stop.ask,
    insist: ({ context }) => context.settings.stop.insist,
    kill: ({ context }) => context.settings.stop.kill,
    drain: ({ context }) => context.settings.stop.drain,
    extension: ({ context }) => context.extension,
  },
});
