import { rmSync } from 'node:fs';
import { build } from 'esbuild';

/*
 * Makes the files of the package, in dist, from those that the compiler has written to build, one for each source. Node opens all modules that it loads at the
 * same time, which took 64 descriptors, and a third of the time that a program needs to start.
 */

const common = { bundle: true, packages: 'external', platform: 'node', target: 'node20', logLevel: 'warning' };
const entries = ['index', 'client', 'cli/main', 'machines/index', 'server/index', 'testing/index'];

rmSync('dist/chunks', { recursive: true, force: true });
await build({
  ...common,
  format: 'esm',
  splitting: true,
  entryPoints: entries.map((entry) => `build/${entry}.js`),
  outbase: 'build',
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
});
await build({
  ...common,
  format: 'cjs',
  entryPoints: ['build/drivers/keeper/program/main.js'],
  outfile: 'dist/drivers/keeper/program/main.cjs',
});
