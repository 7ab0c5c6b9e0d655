import { nanoid } from 'nanoid';
import type { Sink, StartOrder } from '../../drivers/driver.js';
import { messageOf } from '../../errors.js';
import type { BodyFact } from '../../model/agent.js';
import { DEFAULTS } from '../../model/defaults.js';
import { hookPath } from '../../model/hook.js';
import type { AgentContext } from '../../model/lifecycle.js';
import type { HookName } from '../../model/process.js';
import type { AgentSpec } from '../../model/spec.js';
import type { World } from '../world.js';
import type { Agent } from './agent.js';
import { deliver } from './deliver.js';
import { completeExit } from './exit-record.js';
import { LastLine } from './last-line.js';
import { startOrder } from './launch.js';

/**
 * Runs a hook of the agent as a process of its own below the same driver, with the directory, the environment and the attributes of the agent. HOOK_ENDED
 * follows once, when no process of it is left. Its output is output of the agent.
 */
export function runHook(world: World, agent: Agent, context: AgentContext, name: HookName): void {
  if (name === 'beforeStart') agent.output.startOfIncarnation();
  else completeExit(agent, context, world.clock.wall(), false);
  start(world, agent, context, name, context.incarnation);
}

/** Runs the hook after the end of the unfinished incarnation, whose program was killed. HOOK_ENDED of the present one follows. */
export function recover(world: World, agent: Agent, context: AgentContext): void {
  const { incarnation, unfinished } = context;
  const earlier = { ...context, incarnation: unfinished ?? incarnation, cause: 'lost', exit: null } as const;
  start(world, agent, earlier, 'afterEnd', incarnation);
}

/** `context` is that of the incarnation which has the hook; `incarnation` is the present one. */
function start(world: World, agent: Agent, context: AgentContext, name: HookName, incarnation: number): void {
  const ended = (problem: string) => {
    agent.hook = null;
    const detail = problem === '' ? '' : `its hook ${name} ${problem}`;
    if (name === 'afterEnd' && detail !== '') world.reportError(agent.path, new Error(detail));
    deliver(world, agent, { type: 'HOOK_ENDED', incarnation, detail, at: world.clock.wall() });
  };
  try {
    const order = hookOrder(world, agent, context, name);
    const body = world.driverOf(agent.spec).start(order, sinkOf(world, agent, ended));
    agent.hook = { body, since: world.clock.now(), interruption: null };
  } catch (thrown) {
    ended(`did not start: ${messageOf(thrown)}`);
  }
}

/** A stop: the hook may clean up, until its time limit. */
export function askHook({ hook }: Agent): void {
  if (hook === null) return;
  hook.interruption ??= 'was ended by a stop';
  hook.body.ask('SIGTERM');
}

/** Its time limit is over, or it was killed by a stop. */
export function killHook(world: World, { hook, spec: { hooks } }: Agent): void {
  if (hook === null) return;
  const isLate = world.clock.now() - hook.since >= hooks.timeout;
  hook.interruption ??= isLate ? `did not end within ${hooks.timeout} ms` : 'was killed by a stop';
  hook.body.kill();
}

function hookOrder(world: World, { path, spec: whole }: Agent, context: AgentContext, name: HookName): StartOrder {
  const spec = hookSpec(whole, whole.hooks[name] ?? []);
  const order = startOrder(world, { path, spec }, context);
  const exit = exitVariables(context, name);
  return {
    ...order,
    path: hookPath(path, name),
    token: nanoid(),
    env: () => ({ ...order.env(), ...exit }),
  };
}

function hookSpec(spec: AgentSpec, command: readonly string[]): AgentSpec {
  const { ask, insist, kill, drain } = spec.stop;
  return {
    ...spec,
    body: { type: 'command', command },
    readiness: { type: 'none', minUptime: DEFAULTS.minUptime, timeout: Number.POSITIVE_INFINITY },
    liveness: null,
    stop: { ...DEFAULTS.stop, ask, insist, kill, drain },
    process: { ...spec.process, stdin: 'closed' },
  };
}

/** How the incarnation has ended, for the hook after it. */
function exitVariables({ cause, exit }: AgentContext, name: HookName): Record<string, string> {
  if (name === 'beforeStart') return {};
  return {
    SUPERTREE_EXIT_CAUSE: cause ?? '',
    SUPERTREE_EXIT_CODE: String(exit?.code ?? ''),
    SUPERTREE_EXIT_SIGNAL: exit?.signal ?? '',
  };
}

/** `ended` is called once, with why it failed as a part of a sentence, or with an empty text. Processes that a hook leaves are killed. */
function sinkOf(world: World, agent: Agent, ended: (problem: string) => void): Sink {
  const { clock, recorder } = world;
  const line = new LastLine();
  const state = { problem: '', hasRun: false, isGone: false, isDrained: false, isOver: false };
  let drain: unknown;
  const end = (problem: string) => {
    if (state.isOver) return;
    state.isOver = true;
    clock.clearTimeout(drain);
    ended(problem === '' || line.text === '' ? problem : `${problem}: ${line.text}`);
  };
  return {
    fact: (fact) => {
      if (fact.type === 'SPAWN_FAILED') return end(`did not start: ${fact.detail}`);
      if (fact.type === 'EXITED') state.problem = agent.hook?.interruption ?? problemOf(fact);
      note(state, fact);
      if (state.isGone && state.isDrained) return end(state.hasRun ? state.problem : 'was ended before it had started');
      if (fact.type !== 'EXITED' && fact.type !== 'GONE') return;
      if (state.isGone) drain ??= clock.setTimeout(() => agent.hook?.body.drain(), agent.spec.stop.drain);
      else agent.hook?.body.kill();
    },
    output: (stream, bytes) => {
      line.push(bytes);
      agent.output.push(stream, bytes);
      recorder?.noteChanged(agent.path);
    },
    notified: () => {},
  };
}

interface Progress {
  hasRun: boolean;
  isGone: boolean;
  isDrained: boolean;
}

function note(state: Progress, fact: BodyFact): void {
  if (fact.type === 'SPAWNED') state.hasRun = true;
  state.isGone ||= fact.type === 'GONE' || (fact.type === 'EXITED' && fact.empty);
  state.isDrained ||= !state.hasRun || fact.type === 'DRAINED' || (fact.type === 'EXITED' && fact.drained);
}

function problemOf({ code, signal, detail }: Extract<BodyFact, { type: 'EXITED' }>): string {
  if (code === 0) return '';
  if (code === null && signal === null) return `was lost: ${detail}`;
  return `ended with ${signal ?? `code ${code}`}`;
}
