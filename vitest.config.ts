import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = (file: string): string => fileURLToPath(new URL(`./src/${file}`, import.meta.url));

export default defineConfig({
  resolve: {
    // What users import, from source. The production build of xstate is what Node loads: the development one throws more.
    alias: [
      { find: /^supertree$/, replacement: src('index.ts') },
      { find: /^supertree\/(machines|testing)$/, replacement: src('$1/index.ts') },
      { find: /^supertree\/client$/, replacement: src('client.ts') },
    ],
    conditions: ['node', 'import', 'default'],
  },
  ssr: { resolve: { conditions: ['node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
