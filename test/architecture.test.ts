import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as machines from '../src/machines/index.js';
import { type Chart, inlineFunctions, undescribedStates, unprovidedEffects } from './architecture/charts.js';
import { type EdgeRule, forbiddenEdges, type Import, importCycles, importsOf } from './architecture/imports.js';
import { impurities, xstateImports } from './architecture/purity.js';
import {
  castsToAny,
  emptyNames,
  functionLengths,
  lineCount,
  longFiles,
  median,
  mentions,
  programEnds,
} from './architecture/shape.js';
import { below, readSources, without } from './architecture/sources.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAX_FILE = 300;
const MAX_FUNCTION = 60;
const MAX_MEDIAN = 10;

const all = readSources(ROOT, ['src', 'test']);
const src = below(all, 'src');
const pure = new Map([...below(all, 'src/model'), ...below(all, 'src/machines')]);
/** Where charts are given hands: a tree's by its actors, a client's by itself. */
const hands = new Map([...below(all, 'src/actors'), ...below(all, 'src/client'), ...below(all, 'src/transport')]);
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

/**
 * The direction of every import between the parts of src: model <- machines <- actors <- control <- transport. Beside them stand the
 * drivers, the protocol with its client, and the interfaces (contract) that control and actors share. The server joins them; the command
 * line is a client.
 */
const EDGES: Readonly<Record<string, EdgeRule>> = {
  'error-catalogue.ts': () => false,
  'errors.ts': may('error-catalogue.ts'),
  model: may(),
  machines: may('model'),
  contract: only('type', may('model')),
  drivers: may('model', 'contract'),
  protocol: either(may('model'), only('type', may('contract'))),
  actors: may('model', 'machines', 'contract', 'drivers'),
  client: may('model', 'machines', 'contract', 'protocol'),
  control: may('model', 'contract', 'protocol'),
  transport: may('machines', 'contract', 'protocol', 'control'),
  'client.ts': may('protocol', 'client'),
  'index.ts': may('model', 'contract', 'drivers', 'actors'),
  server: either(
    may('model', 'contract', 'drivers', 'protocol', 'actors', 'control', 'transport'),
    only('type', may('client')),
  ),
  testing: may('model', 'contract', 'drivers', 'protocol', 'actors', 'control', 'transport'),
  cli: either(
    may('model', 'protocol'),
    only('type', may('contract', 'client')),
    only('dynamic', may('client', 'server')),
  ),
};

/** What a room of control may import from the others: access and streams stand apart, and what answers requests stands on both. */
const CONTROL_EDGES: Readonly<Record<string, EdgeRule>> = {
  access: () => false,
  streams: may('control/access'),
};

/** A folder that is a door holds no policy: it stays small. */
const MAX_TRANSPORT = 2_000;

/** The program of the keeper, comments included: its folders, and how many lines each may have (decision 37). */
const KEEPER_LIMITS = { program: 2_490, native: 520, protocol: 460 } as const;

describe('the parts of src', () => {
  it('import each other only along the drawn arrows', () => {
    expect(forbiddenEdges(src, 'src', EDGES)).toEqual([]);
  });

  it('keep the folders of control apart from the code that answers requests', () => {
    const rooms = Object.keys(CONTROL_EDGES);
    const fromRooms = new Map(
      [...src].filter(([file]) => rooms.some((room) => file.startsWith(`src/control/${room}/`))),
    );
    expect(forbiddenEdges(fromRooms, 'src/control', CONTROL_EDGES)).toEqual([]);
  });

  it('import zeromq only in the transport, in the client, and for keys', () => {
    const mayUseSockets = /^src\/(transport|client)\/|^src\/protocol\/curve\.ts$/;
    const importers = importsOf(src)
      .filter(({ to }) => to === 'zeromq')
      .map(({ from }) => from);
    expect(importers.filter((file) => !mayUseSockets.test(file))).toEqual([]);
  });

  it('import koffi only in the native folder of the keeper, which only the program of the keeper imports, and what reaps orphans when it has to', () => {
    const native = /^src\/drivers\/keeper\/native\//;
    const importers = (rule: (to: string) => boolean) =>
      importsOf(src).filter(({ from, to }) => rule(to) && !native.test(from));
    expect(importers((to) => to === 'koffi')).toEqual([]);
    const isAllowed = ({ from, kind }: Import) =>
      from.startsWith('src/drivers/keeper/program/') || (from === 'src/drivers/orphans.ts' && kind !== 'value');
    expect(importers((to) => native.test(to)).filter((each) => !isAllowed(each))).toEqual([]);
  });

  it('read /proc only in the drivers', () => {
    expect(mentions(without(src, 'src/drivers'), /['"`]\/proc\b/, 'reads /proc')).toEqual([]);
  });

  it(`keep the transport below ${MAX_TRANSPORT} lines`, () => {
    const texts = [...below(all, 'src/transport').values()];
    expect(texts.reduce((sum, text) => sum + lineCount(text), 0)).toBeLessThan(MAX_TRANSPORT);
  });

  for (const [folder, limit] of Object.entries(KEEPER_LIMITS))
    it(`keep the folder ${folder} of the keeper below ${limit} lines`, () => {
      const texts = [...below(all, `src/drivers/keeper/${folder}`).values()];
      expect(texts.reduce((sum, text) => sum + lineCount(text), 0)).toBeLessThan(limit);
    });

  it('have no import cycle, not even of types', () => {
    expect(importCycles(src)).toEqual([]);
  });

  it('keep clocks, chance, timers, processes and Node out of model and machines', () => {
    expect(impurities(pure)).toEqual([]);
  });

  it('keep xstate out of model', () => {
    expect(xstateImports(below(all, 'src/model'), [])).toEqual([]);
  });

  it('end the program in one place only', () => {
    expect(programEnds(without(src, 'src/cli/main.ts'))).toEqual([]);
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

  it('have fast-check from the one place that gives it its seed', () => {
    const naming = [...all].flatMap(([file, text]) => (text.includes('fast-check') ? [file] : []));
    const importers = importsOf(all, naming).filter(({ to }) => to === 'fast-check');
    expect(new Set(importers.map(({ from }) => from))).toEqual(new Set(['test/fast-check.ts']));
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
