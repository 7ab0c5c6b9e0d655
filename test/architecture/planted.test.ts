import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { inlineFunctions, namedEffects, undescribedStates, unprovidedEffects } from './charts.js';
import { forbiddenEdges, importCycles, importsOf } from './imports.js';
import { impurities, xstateImports } from './purity.js';
import { castsToAny, emptyNames, functionLengths, longFiles, median, mentions, programEnds } from './shape.js';
import type { Sources } from './sources.js';

/** Each rule of the architecture test, shown to catch what is planted and to leave alone what only looks like it. */
function planted(files: Record<string, string>): Sources {
  return new Map(Object.entries(files));
}

describe('imports', () => {
  it('are seen in every form, with their kind', () => {
    const sources = planted({
      'src/a/x.ts': [
        "import { b } from '../b/y.js';",
        "import type { C } from '../b/y.js';",
        "import { type D } from '../b/y.js';",
        "import { type E, f } from '../b/y.js';",
        "export * from '../b/y.js';",
        "const g = await import('../b/y.js');",
        "type H = import('../b/y.js').H;",
        "import 'node:fs';",
      ].join('\n'),
    });
    const kinds = importsOf(sources).map(({ to, kind }) => `${to} ${kind}`);
    const of = (kind: string) => `src/b/y.ts ${kind}`;
    expect(kinds).toEqual([...['value', 'type', 'type', 'value', 'value', 'dynamic', 'type'].map(of), 'node:fs value']);
  });

  it('are refused where no rule allows them, with file and line', () => {
    const sources = planted({
      'src/model/x.ts': "\nimport type { A } from '../actors/a.js';",
      'src/actors/a.ts': "import { x } from '../model/x.js';",
      'src/cli/c.ts': "import { s } from '../server/s.js';\nconst t = await import('../server/s.js');",
    });
    const found = forbiddenEdges(sources, 'src', {
      actors: ({ to }) => to.startsWith('src/model/'),
      cli: ({ kind }) => kind === 'dynamic',
    });
    expect(found).toEqual([
      'src/model/x.ts:2 model must not import src/actors/a.ts (type)',
      'src/cli/c.ts:1 cli must not import src/server/s.ts (value)',
    ]);
  });

  it('are a cycle when types close the circle, and none when two ways lead to one file', () => {
    const circle = planted({
      'src/m/a.ts': "import { b } from './b.js';",
      'src/m/b.ts': "import { c } from './c.js';",
      'src/m/c.ts': "import type { A } from './a.js';",
    });
    expect(importCycles(circle)).toEqual(['src/m/c.ts:1 src/m/a.ts -> src/m/b.ts -> src/m/c.ts -> src/m/a.ts']);
    const diamond = planted({
      'src/m/a.ts': "import './b.js';\nimport './c.js';",
      'src/m/b.ts': "import './d.js';",
      'src/m/c.ts': "import './d.js';",
      'src/m/d.ts': '',
    });
    expect(importCycles(diamond)).toEqual([]);
  });
});

describe('purity', () => {
  const impure = {
    'a clock': 'const t = Date.now();',
    'a new date': 'const t = new Date();',
    'a monotonic clock': 'const t = performance.now();',
    chance: 'const r = Math.random();',
    'chance taken apart': 'const { random } = Math;',
    'chance by index': "const r = Math['random']();",
    'a timer': 'setTimeout(() => {}, 1);',
    'the process': 'const e = process.env;',
    'the process as a shorthand': 'const o = { process };',
    'the global object': 'globalThis.x = 1;',
    'a default': 'function f({ now = Date.now } = {}) {}',
    'the console': 'console.log(1);',
    'a module of Node': "import { readFileSync } from 'node:fs';",
    'a module of Node without its prefix': "import { readFileSync } from 'fs';",
  };
  for (const [what, text] of Object.entries(impure)) {
    it(`is broken by ${what}`, () => {
      expect(impurities(planted({ 'src/model/x.ts': `\n${text}` }))).toEqual([
        expect.stringMatching(/^src\/model\/x\.ts:2 (uses|imports) /),
      ]);
    });
  }

  it('is not broken by names that only look like it', () => {
    const text = [
      'interface Clock { setTimeout(ms: number): void; readonly process: string }',
      'const stages = { process: 1, Date: 2 };',
      'const n = stages.process + Math.floor(1.5);',
      "import { restart } from './process.js';",
    ].join('\n');
    expect(impurities(planted({ 'src/model/x.ts': text }))).toEqual([]);
  });

  it('lets types of xstate into the named files and nothing else of it into any', () => {
    const sources = planted({
      'src/model/spec.ts': "import type { AnyActorLogic } from 'xstate';",
      'src/model/input.ts': "import { setup } from 'xstate';",
      'src/model/order.ts': "import type { Snapshot } from 'xstate';",
    });
    expect(xstateImports(sources, ['src/model/spec.ts', 'src/model/input.ts'])).toEqual([
      'src/model/input.ts:1 imports xstate (value)',
      'src/model/order.ts:1 imports xstate (type)',
    ]);
  });
});

describe('charts', () => {
  const chart = setup({
    types: { context: {} as { n: number }, events: {} as { type: 'GO' } },
    actions: { count: assign({ n: 1 }), launch: () => {}, tell: (_, _params: { what: string }) => {} },
    guards: { may: () => true },
  }).createMachine({
    context: { n: 0 },
    initial: 'here',
    states: {
      here: {
        description: 'Waits.',
        entry: [{ type: 'tell', params: ({ context }) => ({ what: String(context.n) }) }, 'count'],
        on: { GO: { guard: ({ context }) => context.n > 0, actions: [() => {}, 'launch'], target: 'there' } },
      },
      there: { initial: 'in', states: { in: {} } },
    },
  });

  it('give away inline guards and actions, but not functions that make params', () => {
    expect(inlineFunctions('chart', chart)).toEqual([
      'chart.states.here.on.GO.guard is an inline function',
      'chart.states.here.on.GO.actions.0 is an inline function',
    ]);
  });

  it('give away states without a description, at any depth', () => {
    expect(undescribedStates('chart', chart)).toEqual([
      'chart.there has no description',
      'chart.there.in has no description',
    ]);
  });

  it('name as effects only what is not an action of XState', () => {
    expect(namedEffects(chart)).toEqual(['launch', 'tell']);
  });

  it('are whole when one file provides every effect, written out, named, imported or returned', () => {
    const ways = {
      'src/actors/literal.ts': 'chart.provide({ actions: { launch: () => {}, tell() {} } });',
      'src/actors/named.ts': 'const hands = { launch, tell };\nchart.provide({ actions: hands });',
      'src/actors/spread.ts':
        'const some = { launch };\nfunction others() { return { tell }; }\nchart.provide({ actions: { ...some, ...others() } });',
      'src/actors/arrow.ts': 'const hands = (w) => ({ launch, tell });\nchart.provide({ actions: hands(world) });',
      'src/actors/all.ts': "import { hands } from './hands.js';\nchart.provide(hands(world));",
    };
    const hands = { 'src/actors/hands.ts': 'export function hands() { return { actions: { launch, tell } }; }' };
    for (const [file, text] of Object.entries(ways)) {
      expect(unprovidedEffects('chart', chart, planted({ [file]: text, ...hands }))).toEqual([]);
    }
  });

  it('are not whole when an effect has no hands or two pairs of them, or belongs to another machine', () => {
    const sources = planted({
      'src/actors/a.ts': 'chart.provide({ actions: { launch } });',
      'src/actors/b.ts': 'chart.provide({ actions: { launch } });\nother.provide({ actions: { tell } });',
    });
    expect(unprovidedEffects('chart', chart, sources)).toEqual([
      'chart.launch is provided by src/actors/a.ts and src/actors/b.ts',
      'chart.tell is provided by no file',
    ]);
  });
});

describe('shape', () => {
  it('counts lines of files without the line end behind the last one', () => {
    const sources = planted({ 'src/a.ts': 'x\n'.repeat(3), 'src/b.ts': 'x\n'.repeat(4) });
    expect(longFiles(sources, 3)).toEqual(['src/b.ts:4 has 4 lines, at most 3 are allowed']);
  });

  it('measures every kind of function, and none without a body', () => {
    const text =
      'function f() {\n\n}\nconst g = () => 1;\nclass C {\n  constructor() {\n  }\n  get h() { return 1; }\n}\ndeclare function i(): void;';
    expect(functionLengths(planted({ 'src/a.ts': text })).map(({ lines }) => lines)).toEqual([3, 1, 2, 1]);
    expect(median([1, 9, 2])).toBe(2);
  });

  it('finds names that say nothing, of files and folders', () => {
    const sources = planted({ 'src/utils/a.ts': '', 'src/_helpers.ts': '', 'src/b/types.ts': '', 'src/retype.ts': '' });
    expect(emptyNames(sources)).toHaveLength(3);
  });

  it('finds words with file and line', () => {
    const sources = planted({ 'src/a.ts': '\n\n// later\n// latest' });
    expect(mentions(sources, /\blater\b/, 'says later')).toEqual(['src/a.ts:3 says later']);
  });

  it('finds what ends the program, but not what only speaks of it', () => {
    const text = '// process.exit()\nprocess.exitCode = 1;\nprocess.exit(1);\nconst { exit } = process;';
    expect(programEnds(planted({ 'src/a.ts': text }))).toEqual([
      'src/a.ts:3 ends the program',
      'src/a.ts:4 ends the program',
    ]);
  });

  it('finds casts to any in both spellings and no others', () => {
    const sources = planted({ 'src/a.ts': 'const a = 1 as any;\nconst b = <any>2;\nconst c = 3 as unknown;' });
    expect(castsToAny(sources)).toEqual(['src/a.ts:1 casts to any', 'src/a.ts:2 casts to any']);
  });
});
