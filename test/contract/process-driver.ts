import type { Driver } from '../../src/drivers/driver.js';
import type { Promiser } from '../../src/drivers/promises.js';
import { driverContract } from './driver.js';
import { processAttributes } from './process-attributes.js';
import { processOptions } from './process-options.js';
import { processPipes } from './process-pipes.js';
import { processPromises } from './process-promises.js';
import { processStarts } from './process-starts.js';
import { processTerminals } from './process-terminals.js';
import { processTree } from './process-tree.js';
import { sharedDriver } from './recorder.js';

/** The driver contract and the promises of every driver that runs processes. */
export function processContract(name: Promiser, makeDriver: () => Driver): void {
  driverContract(
    name,
    makeDriver,
    {
      forever: { command: ['sh', '-c', 'echo up; exec sleep 300'] },
      completes: { command: ['true'] },
      fails: { command: ['false'] },
      ignoresStop: { command: ['sh', '-c', 'trap "" TERM; echo up; exec sleep 300'] },
      echoes: { command: ['sh', '-c', 'echo up; exec cat'] },
    },
    { kill: true, signals: true, freeze: true, stdin: true, endOfInput: true },
  );
  const driver = sharedDriver(makeDriver);
  processStarts(name, driver);
  processOptions(name, driver);
  processAttributes(name, driver);
  processPipes(name, driver);
  processTerminals(name, driver);
  processTree(name, driver);
  processPromises(name, driver);
}
