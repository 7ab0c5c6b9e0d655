// Shows: the middle of a pipeline; what is sent to its standard input (`supertree send filter 7`) is judged line by line.
import { createInterface } from 'node:readline';

// Standard input may be closed at any time; the interval keeps the filter alive all the same.
setInterval(() => console.log('filter: waiting'), 30_000);

createInterface({ input: process.stdin }).on('line', (line) => {
  console.log(`filter: ${line} is ${Number(line) % 2 === 0 ? 'even, kept' : 'odd, dropped'}`);
});

console.log('filter: ready');
