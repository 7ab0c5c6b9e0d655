import type { Engine } from '../../model/fact.js';
import { joinPath } from '../../model/id.js';
import { createPool } from '../../model/pool.js';
import type { PoolSpec, SupervisorSpec } from '../../model/spec.js';
import { createSupervision } from '../../model/supervision.js';
import type { World } from '../world.js';

/** A new engine for a supervisor or pool; its children continue the numbers of their incarnations. */
export function newEngine({ registry, past }: World, spec: SupervisorSpec | PoolSpec, path: string): Engine {
  const generations = (id: string): number => registry.incarnationOf(joinPath(path, id));
  const earlier = past?.takeEarlier(path);
  return spec.kind === 'pool'
    ? createPool(spec, generations, registry.lastInstance(path), earlier)
    : createSupervision(spec, generations, earlier);
}
