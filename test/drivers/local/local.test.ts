import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/contract/clock.js';
import { createLocalDriver } from '../../../src/drivers/local/local.js';
import { processContract } from '../../contract/process-driver.js';
import { begin, orderFor } from '../../contract/recorder.js';

processContract('local', () => createLocalDriver({ clock: systemClock }));

describe('the local driver', () => {
  it('has its hook in the end of the program only while something of it lives', async () => {
    // Drivers of other files of this worker may have a hook, which may go meanwhile.
    vi.resetModules();
    const { createLocalDriver: create } = await import('../../../src/drivers/local/local.js');
    const others = process.listeners('exit');
    const hooks = () => process.listeners('exit').filter((listener) => !others.includes(listener));
    const driver = create({ clock: systemClock });
    expect(hooks()).toEqual([]);
    await begin(driver, orderFor({ command: ['sleep', '300'] })).recorder.until('SPAWNED');
    expect(hooks()).toHaveLength(1);
    await driver.close();
    expect(hooks()).toEqual([]);
  });
});
