import type { DriverName } from '../model/driver-name.js';
import type { Driver } from './driver.js';
import { createKeeperDriver, type KeeperDriverOptions } from './keeper/keeper.js';
import { createLocalDriver } from './local/local.js';

/** The driver of that name. Throws PLATFORM on a system without Linux's /proc. */
export function createProcessDriver(name: DriverName, options: KeeperDriverOptions): Driver {
  return name === 'keeper' ? createKeeperDriver(options) : createLocalDriver(options);
}
