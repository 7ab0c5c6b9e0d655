import { resolve } from 'node:path';
import { nanoid } from 'nanoid';
import type { StartOrder } from '../../drivers/driver.js';
import { processEnvironment } from '../../model/environment.js';
import type { AgentContext } from '../../model/lifecycle.js';
import { watchdogEnvironment } from '../../model/liveness.js';
import type { AgentSpec, Readiness } from '../../model/spec.js';
import { fillTemplate } from '../../model/template.js';
import type { World } from '../world.js';
import type { Agent } from './agent.js';

/** The driver's order for the incarnation that `context` is about to start. */
export function startOrder(
  world: World,
  { spec, path }: Pick<Agent, 'spec' | 'path'>,
  context: AgentContext,
): StartOrder {
  const { incarnation, ports } = context;
  if (spec.body.type !== 'command') {
    return { spec, path, incarnation, ports, token: '', command: [], cwd: null, env: () => ({}) };
  }
  const facts = { id: spec.id, path, incarnation, ports, token: nanoid(), endpoint: world.endpoint };
  const directory = directoryOf(spec);
  return {
    spec,
    path,
    incarnation,
    ports,
    token: facts.token,
    command: spec.body.command.map((word) => fillTemplate(word, { ...facts, env: spec.env })),
    cwd: spec.cwd,
    env: () =>
      Object.assign(
        processEnvironment({ program: world.env, spec, facts, directory }),
        watchdogEnvironment(spec.liveness),
      ),
  };
}

/** Its working directory for PWD; `null` when that of this program has been removed, and a relative path has no meaning. */
function directoryOf({ cwd }: AgentSpec): string | null {
  try {
    return resolve(cwd ?? '');
  } catch {
    return null;
  }
}

/** The readiness of a spec with the placeholders of this incarnation filled in. */
export function filledReadiness(spec: AgentSpec, { id, incarnation, ports }: AgentContext): Readiness {
  const { readiness } = spec;
  if (readiness.type !== 'exec') return readiness;
  return { ...readiness, command: readiness.command.map((word) => fillTemplate(word, { id, incarnation, ports })) };
}
