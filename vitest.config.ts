import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { configDefaults, defineConfig } from 'vitest/config';

const isBuilt = process.env.SUPERTREE_TESTS_ON === 'build';
const src = (file: string): string => fileURLToPath(new URL(`./src/${file}.ts`, import.meta.url));
const build = (file: string): string => fileURLToPath(new URL(`./build/${file}.js`, import.meta.url));
const code = isBuilt ? build : src;
const xstate = (file: string): string => fileURLToPath(new URL(`./node_modules/xstate/dist/${file}`, import.meta.url));

/** Suites of faults and combinations that take minutes: `npm run test:long`. */
const LONG = '**/*.long.test.ts';
const isLong = process.env.SUPERTREE_TESTS === 'long';

/** These load the code under test anew, which Vitest can do only with modules that it loads itself. */
const RELOADING = /\/test\/(actors\/platform|drivers\/local\/local)\.test\.ts$/;

/** Loads the code under test from `build`, by Node itself, which takes less than half as long as by Vitest from the sources. */
const fromBuild: Plugin = {
  name: 'from-build',
  enforce: 'pre',
  resolveId(id, importer) {
    if (!isBuilt || importer === undefined || !id.startsWith('.')) return undefined;
    // What is loaded anew is loaded anew with all that it imports.
    if (RELOADING.test(importer) || importer.startsWith(SOURCES)) return undefined;
    const file = resolve(dirname(importer), id).replace(/\.[jt]s$/, '');
    return file.startsWith(SOURCES) ? build(file.slice(SOURCES.length)) : undefined;
  },
};
const SOURCES = fileURLToPath(new URL('./src/', import.meta.url));

export default defineConfig({
  plugins: [fromBuild],
  resolve: {
    alias: [
      // What users import.
      { find: /^supertree$/, replacement: code('index') },
      { find: /^supertree\/(machines|server|testing)$/, replacement: code('$1/index') },
      { find: /^supertree\/client$/, replacement: code('client') },
      // The build that Node loads: vitest asks for the development one, which throws and warns where the other does not.
      { find: /^xstate$/, replacement: xstate('xstate.cjs.mjs') },
      { find: /^xstate\/graph$/, replacement: xstate('xstate-graph.cjs.mjs') },
    ],
  },
  test: {
    include: isLong ? [LONG] : ['test/**/*.test.ts', 'examples/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isLong ? [] : [LONG])],
    globalSetup: 'test/global-setup.ts',
    server: { deps: { external: [/\/build\/.*\.js$/] } },
    pool: 'forks',
    // The modules are loaded once a worker, not once a file: nothing of ours keeps state in a module that a test could leave behind.
    isolate: false,
    // Most tests wait for processes and sockets: more workers than cores keep the cores busy.
    maxWorkers: 4,
    // How long a test waits for what must come. Only a failing test takes that long: on a busy machine a process may need a minute to start.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
