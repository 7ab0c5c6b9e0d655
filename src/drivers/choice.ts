import type { DriverName } from '../model/driver-name.js';
import type { Driver } from './driver.js';
import { createKeeperDriver, type KeeperDriverOptions } from './keeper/keeper.js';
import { keeperObstacle } from './keeper/obstacle.js';
import { createLocalDriver } from './local/local.js';

/**
 * The driver of that name. Without a name, `keeper` where it can run; else `local`, which reports with the first start why, and what that means. Throws
 * PLATFORM on a system without Linux's /proc.
 */
export function createProcessDriver(name: DriverName | undefined, options: KeeperDriverOptions): Driver {
  if (name === 'local') return createLocalDriver(options);
  const obstacle = name === undefined ? knownObstacle() : null;
  return obstacle === null ? createKeeperDriver(options) : substitute(obstacle, options);
}

let found: { readonly obstacle: string | null } | undefined;

function knownObstacle(): string | null {
  found ??= { obstacle: keeperObstacle() };
  return found.obstacle;
}

function substitute(obstacle: string, options: KeeperDriverOptions): Driver {
  const local = createLocalDriver(options);
  let isReported = false;
  return {
    start: (order, sink) => {
      if (!isReported) options.report?.(`${WEAKER}: ${obstacle}`);
      isReported = true;
      return local.start(order, sink);
    },
    close: () => local.close(),
  };
}

const WEAKER =
  'commands run as children of this program, which outlive it when it is killed (docs/drivers.md), because no keeper can run here';
