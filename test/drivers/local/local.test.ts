import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/contract/clock.js';
import { createLocalDriver } from '../../../src/drivers/local/local.js';
import { processContract } from '../../contract/process-driver.js';
import { begin, orderFor } from '../../contract/recorder.js';

processContract('local', () => createLocalDriver({ clock: systemClock }));

describe('the local driver', () => {
  it('has its hook in the end of the program only while something of it lives', async () => {
    // Drivers of other files of this worker may have a hook.
    vi.resetModules();
    const { createLocalDriver: create } = await import('../../../src/drivers/local/local.js');
    const hooks = process.listenerCount('exit');
    const other = create({ clock: systemClock });
    expect(process.listenerCount('exit')).toBe(hooks);
    await begin(other, orderFor({ command: ['sleep', '300'] })).recorder.until('SPAWNED');
    expect(process.listenerCount('exit')).toBe(hooks + 1);
    await other.close();
    expect(process.listenerCount('exit')).toBe(hooks);
  });
});
