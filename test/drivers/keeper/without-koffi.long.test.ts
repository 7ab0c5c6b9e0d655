import { systemClock } from '../../../src/contract/clock.js';
import { createKeeperDriver } from '../../../src/drivers/keeper/keeper.js';
import { processContract } from '../../contract/process-driver.js';

processContract('keeper without koffi', () => createKeeperDriver({ clock: systemClock, native: false }));
