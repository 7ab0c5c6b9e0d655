import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as machines from '../src/machines/index.js';
import { type Chart, inlineFunctions, undescribedStates, unprovidedEffects } from './architecture/charts.js';
import { type EdgeRule, forbiddenEdges, type Import, importCycles } from './architecture/imports.js';
import { impurities, xstateImports } from './architecture/purity.js';
import {
  castsToAny,
  emptyNames,
  functionLengths,
  longFiles,
  median,
  mentions,
  programEnds,
} from './architecture/shape.js';
import { below, readSources } from './architecture/sources.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAX_FILE = 300;
const MAX_FUNCTION = 60;
const MAX_MEDIAN = 10;

const all = readSources(ROOT, ['src', 'test']);
const src = below(all, 'src');
const pure = new Map([...below(all, 'src/model'), ...below(all, 'src/machines')]);
/** Where charts are given hands: a tree's by its actors, a client's by its transport. */
const hands = new Map([...below(all, 'src/actors'), ...below(all, 'src/transport')]);
const charts: Readonly<Record<string, Chart>> = machines;

/** Any import of these parts of src, folders or files. */
function may(...parts: readonly string[]): EdgeRule {
  return ({ to }) =>
    to === 'src/errors.ts' || parts.some((part) => to === `src/${part}` || to.startsWith(`src/${part}/`));
}

function either(...rules: readonly EdgeRule[]): EdgeRule {
  return (imported) => rules.some((rule) => rule(imported));
}

function only(kind: Import['kind'], rule: EdgeRule): EdgeRule {
  return (imported) => imported.kind === kind && rule(imported);
}

/** The direction of every import between the parts of src: model <- machines <- actors <- transport; server joins, cli is a client. */
const EDGES: Readonly<Record<string, EdgeRule>> = {
  'errors.ts': () => false,
  model: may(),
  machines: may('model'),
  actors: may('model', 'machines'),
  testing: may('model', 'machines', 'actors', 'transport'),
  transport: either(may('model', 'machines', 'actors/clock.ts'), only('type', may('actors'))),
  server: may('model', 'machines', 'actors', 'transport', 'client.ts', 'index.ts'),
  'client.ts': either(may('model', 'transport'), only('type', may('actors'))),
  'index.ts': may('model', 'machines', 'actors', 'transport'),
  cli: either(
    may('model', 'transport/client.ts', 'transport/operations.ts', 'client.ts'),
    only('type', may('actors/view.ts')),
    only('dynamic', may('server')),
  ),
};

/** What a part of the transport may import from the others: wire <- security <- sockets <- streams <- requests, and a client beside them. */
const TRANSPORT_EDGES: Readonly<Record<string, EdgeRule>> = {
  wire: mayOfTransport('operations.ts'),
  security: mayOfTransport('operations.ts', 'wire'),
  sockets: mayOfTransport('wire', 'security'),
  streams: mayOfTransport('operations.ts', 'wire', 'security', 'sockets'),
  requests: mayOfTransport('operations.ts', 'wire', 'security', 'sockets', 'streams'),
  client: mayOfTransport('operations.ts', 'wire', 'security/curve.ts'),
  'router.ts': mayOfTransport('wire', 'security', 'sockets'),
  'publisher.ts': mayOfTransport('wire', 'security', 'sockets', 'streams'),
  'requests.ts': mayOfTransport('operations.ts', 'wire', 'security', 'sockets', 'requests'),
  'client.ts': mayOfTransport('client', 'wire', 'security/curve.ts'),
};

function mayOfTransport(...parts: readonly string[]): EdgeRule {
  return may(...parts.map((part) => `transport/${part}`));
}

describe('the parts of src', () => {
  it('import each other only along the drawn arrows', () => {
    expect(forbiddenEdges(src, 'src', EDGES)).toEqual([]);
  });

  it('import each other only along the drawn arrows within the transport too', () => {
    expect(forbiddenEdges(src, 'src/transport', TRANSPORT_EDGES)).toEqual([]);
  });

  it('have no import cycle, not even of types', () => {
    expect(importCycles(src)).toEqual([]);
  });

  it('keep clocks, chance, timers, processes and Node out of model and machines', () => {
    expect(impurities(pure)).toEqual([]);
  });

  it('keep xstate out of model but for the types of what people write', () => {
    expect(xstateImports(below(all, 'src/model'), ['src/model/spec.ts', 'src/model/input.ts'])).toEqual([]);
  });

  it('end the program in one place only', () => {
    const elsewhere = new Map([...src].filter(([file]) => file !== 'src/cli/main.ts'));
    expect(programEnds(elsewhere)).toEqual([]);
  });
});

describe('the charts', () => {
  it('are the agent, the supervisor and whatever else is exported, all machines', () => {
    expect(Object.keys(charts)).toEqual(expect.arrayContaining(['agentMachine', 'supervisorMachine']));
    expect(Object.values(charts).every((chart) => typeof chart.config === 'object')).toBe(true);
  });

  for (const [name, chart] of Object.entries(charts)) {
    it(`have no inline function in ${name}`, () => {
      expect(inlineFunctions(name, chart)).toEqual([]);
    });

    it(`describe every state of ${name}`, () => {
      expect(undescribedStates(name, chart)).toEqual([]);
    });

    it(`give every effect of ${name} its hands in exactly one file`, () => {
      expect(unprovidedEffects(name, chart, hands)).toEqual([]);
    });
  }
});

describe('files and functions', () => {
  it(`have at most ${MAX_FILE} lines a file`, () => {
    expect(longFiles(all, MAX_FILE)).toEqual([]);
  });

  it(`have at most ${MAX_FUNCTION} lines a function`, () => {
    const long = functionLengths(src).filter(({ lines }) => lines > MAX_FUNCTION);
    expect(long.map(({ where }) => where)).toEqual([]);
  });

  it(`have a median function of at most ${MAX_MEDIAN} lines`, () => {
    expect(median(functionLengths(src).map(({ lines }) => lines))).toBeLessThanOrEqual(MAX_MEDIAN);
  });

  it('have names that say what is in them', () => {
    expect(emptyNames(all)).toEqual([]);
  });

  it('leave no note of unfinished work', () => {
    const notes = new RegExp(['TO', 'FIX'].map((half) => `\\b${half}${half === 'TO' ? 'DO' : 'ME'}\\b`).join('|'));
    expect(mentions(all, notes, 'leaves a note of unfinished work')).toEqual([]);
  });

  it('never cast to any', () => {
    expect(castsToAny(all)).toEqual([]);
  });
});

describe('package.json', () => {
  const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

  it('exports only what src makes', () => {
    expect(missingTargets([manifest.exports, manifest.bin])).toEqual([]);
  });
});

/** The files that a value of package.json names and that neither exist nor are built from a file of src. */
function missingTargets(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(missingTargets);
  const target = String(value);
  const source = target.replace(/^\.\/dist\/(.*?)(\.d\.ts|\.js)$/, './src/$1.ts');
  return existsSync(`${ROOT}${source}`) ? [] : [`package.json names ${target}, but there is no ${source}`];
}
