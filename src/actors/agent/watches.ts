import { identityChain } from '../../drivers/keeper/exec-chain.js';
import { listensOn } from '../../drivers/proc/sockets.js';
import type { AgentContext } from '../../model/lifecycle.js';
import type { Liveness, ProbedLiveness } from '../../model/spec.js';
import { fillTemplate } from '../../model/template.js';
import type { World } from '../world.js';
import type { Agent } from './agent.js';
import { deliver } from './deliver.js';
import { keptEntry } from './kept-entry.js';
import { filledReadiness } from './launch.js';
import { commandProbe, type ProbeCommand } from './probes/command-probe.js';
import { httpProbe } from './probes/http-probe.js';
import { watchByProbe, watchForSilence } from './probes/liveness.js';
import type { Probe, ProbeClock } from './probes/probe.js';
import { watchReadiness } from './probes/readiness.js';
import { tcpProbe } from './probes/tcp-probe.js';

/* The watches over the readiness and the liveness of an incarnation: at most one of the two at a time. */

/** Waits for the readiness of the incarnation. One that was ready before its adoption is ready at once. */
export function beginReadinessWatch(world: World, agent: Agent, context: AgentContext): void {
  const { clock } = world;
  const { incarnation, ports } = context;
  const { output, spec, order } = agent;
  agent.unreadiness = '';
  const readyAt = keptEntry(world, agent, incarnation)?.readyAt ?? null;
  if (readyAt !== null) return deliver(world, agent, { type: 'READY', incarnation, at: readyAt });
  const readiness = filledReadiness(spec, context);
  const watching = watchReadiness(
    {
      readiness,
      ...{
        ports,
        output,
        clock,
        probeClock: probeClock(world),
        cwd: spec.cwd,
        env: order?.env,
        ...(readiness.type === 'exec' && chainOf(agent, readiness.command)),
        ownsPort: ownershipOf(agent),
      },
    },
    () => deliver(world, agent, { type: 'READY', incarnation, at: clock.wall() }),
    (problem) => world.reports.emit(agent.path, { type: 'error', problem }),
  );
  agent.word = (word) => watching.word(word);
  agent.unwatch = () => {
    agent.unreadiness = watching.lastFailure;
    watching.cancel();
  };
}

/** Ends the wait for readiness. */
export function endReadinessWatch(agent: Agent): void {
  agent.unwatch?.();
  agent.unwatch = null;
  agent.word = null;
}

/** Probes the liveness of the incarnation until `endLivenessWatch`, if its spec wants that. */
export function beginLivenessWatch(world: World, agent: Agent, context: AgentContext): void {
  const { liveness } = agent.spec;
  endLivenessWatch(agent);
  if (liveness === null) return;
  const { incarnation } = context;
  const isResumed = agent.livenessWatched === incarnation;
  agent.livenessWatched = incarnation;
  const { clock, wheel, deadlines } = world;
  const tell = (event: ProbeEvent) => deliver(world, agent, { ...event, incarnation, at: clock.wall() });
  const listener = {
    passed: () => tell({ type: 'PROBE_PASSED' }),
    // A probe of an agent that has just ended fails as well: its end is read before.
    failed: (detail: string) =>
      deadlines.caughtUp(() => agent.liveness === watch && tell({ type: 'PROBE_FAILED', detail, final: false })),
    unknown: (problem: string) => world.reports.emit(agent.path, { type: 'error', problem }),
  };
  const options = { wheel, now: clock.now, isResumed, listener };
  const watch = isProbed(liveness)
    ? watchByProbe(liveness, probeOf(world, agent, context, liveness), options)
    : watchForSilence(liveness, options);
  agent.liveness = watch;
}

/** Ends the watch over its liveness, also in the middle of a probe. */
export function endLivenessWatch(agent: Agent): void {
  agent.liveness?.cancel();
  agent.liveness = null;
}

type ProbeEvent =
  | { readonly type: 'PROBE_PASSED' }
  | { readonly type: 'PROBE_FAILED'; readonly detail: string; readonly final: boolean };

function isProbed(liveness: Liveness): liveness is ProbedLiveness {
  return 'period' in liveness;
}

function probeOf(world: World, agent: Agent, context: AgentContext, liveness: ProbedLiveness): Probe {
  const clock = probeClock(world);
  const { id, incarnation, ports } = context;
  if (liveness.type === 'exec') {
    const command = liveness.command.map((word) => fillTemplate(word, { id, incarnation, ports }));
    return commandProbe({ command, cwd: agent.spec.cwd, env: agent.order?.env, clock, ...chainOf(agent, command) });
  }
  const target = { port: ports[liveness.port] ?? 0, clock, ownsPort: ownershipOf(agent) };
  return liveness.type === 'tcp' ? tcpProbe(target) : httpProbe({ ...target, path: liveness.path });
}

/** A probe runs as the user of its agent. That of a task or a logic is this program. */
function chainOf({ order }: Agent, command: readonly string[]): Pick<ProbeCommand, 'chain'> {
  return order === null || order.spec.body.type !== 'command' ? {} : { chain: identityChain(order, command) };
}

/** The time limit of a probe is a deadline as well. */
function probeClock({ clock, deadlines }: World): ProbeClock {
  return { setTimeout: deadlines.setTimeout, clearTimeout: deadlines.clearTimeout, defer: clock.defer };
}

/** A task or a logic listens with a descriptor of this process. */
function ownershipOf(agent: Agent): (port: number) => boolean | undefined {
  const members = () => (agent.spec.body.type === 'command' ? (agent.body?.members() ?? []) : [process.pid]);
  return (port) => listensOn(members(), port);
}
