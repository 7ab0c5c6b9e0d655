import { measurements } from './measurements.js';

/*
 * One run of one variant, in a process of its own: `worker.ts NAME VARIANT`. The figures are the only line on standard output.
 */

const [name = '', variant = ''] = process.argv.slice(2);
const measurement = await measurements[name]?.();
const run = measurement?.variants[variant];
if (run === undefined) throw new Error(`there is no measurement ${name} ${variant}`);
const figures = await run();
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
