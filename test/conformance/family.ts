import type { Engine } from '../../src/model/fact.js';
import type { PoolInput, SupervisorInput } from '../../src/model/input.js';
import { normaliseAgent, normalisePool, normaliseSupervisor } from '../../src/model/normalise.js';
import { createPool } from '../../src/model/pool.js';
import type { AgentSpec, RestartType, SupervisorSpec } from '../../src/model/spec.js';
import { createSupervision } from '../../src/model/supervision.js';
import { World } from './harness.js';

/** `id:restart!`: an agent, `!` for significant. If restart is not given, permanent. */
export function child(text: string): AgentSpec {
  const [id, restart] = text.replace('!', '').split(':');
  return normaliseAgent({
    id: id ?? '',
    command: ['true'],
    restart: (restart ?? 'permanent') as RestartType,
    significant: text.endsWith('!'),
  });
}

/** A supervisor of these children, `a b:transient c:temporary!`, in OTP's terms unless `options` say otherwise. */
export function family(children: string, options: Omit<Partial<SupervisorInput>, 'children'> = {}): SupervisorSpec {
  const spec = normaliseSupervisor({ otpExact: true, ...options, children: [] });
  return { ...spec, children: children.split(' ').filter(Boolean).map(child) };
}

/** The world of such a supervisor, not booted yet. */
export function worldOf(children: string, options: Omit<Partial<SupervisorInput>, 'children'> = {}): World {
  return new World(createSupervision(family(children, options)));
}

/** The world of such a supervisor, booted, with an empty log. */
export function booted(children: string, options: Omit<Partial<SupervisorInput>, 'children'> = {}): World {
  const world = worldOf(children, options).boot();
  world.takeLog();
  return world;
}

type PoolOptions = Omit<PoolInput, 'id' | 'pool'> & Omit<PoolInput['pool'], 'agent'>;

/** The engine of a pool, in OTP's terms unless `options` say otherwise. `restart`: that of its instances. */
export function pool({ size, max, concurrency, restart, ...supervision }: PoolOptions = {}): Engine {
  const agent = { command: ['true'], restart: restart ?? 'permanent' };
  const sizes = { ...(size && { size }), ...(max && { max }), ...(concurrency && { concurrency }) };
  return createPool(normalisePool({ otpExact: true, ...supervision, id: 'pool', pool: { ...sizes, agent } }));
}
