import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const src = (file: string): string => fileURLToPath(new URL(`./src/${file}`, import.meta.url));
const xstate = (file: string): string => fileURLToPath(new URL(`./node_modules/xstate/dist/${file}`, import.meta.url));

/** Suites of faults and combinations that take minutes: `npm run test:long`. */
const LONG = '**/*.long.test.ts';
const isLong = process.env.SUPERTREE_TESTS === 'long';

export default defineConfig({
  resolve: {
    alias: [
      // What users import, from source.
      { find: /^supertree$/, replacement: src('index.ts') },
      { find: /^supertree\/(machines|server|testing)$/, replacement: src('$1/index.ts') },
      { find: /^supertree\/client$/, replacement: src('client.ts') },
      // The build that Node loads: vitest asks for the development one, which throws and warns where the other does not.
      { find: /^xstate$/, replacement: xstate('xstate.cjs.mjs') },
      { find: /^xstate\/graph$/, replacement: xstate('xstate-graph.cjs.mjs') },
    ],
  },
  test: {
    include: isLong ? [LONG] : ['test/**/*.test.ts', 'examples/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isLong ? [] : [LONG])],
    globalSetup: 'test/global-setup.ts',
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
