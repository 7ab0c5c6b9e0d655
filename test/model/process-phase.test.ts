import { describe, expect, it } from 'vitest';
import {
  hasTree,
  isRunning,
  PROCESS_PHASES,
  type ProcessFact,
  type ProcessPhase,
  type ProcessStep,
  phaseAfter,
} from '../../src/model/process-phase.js';

const phases = Object.keys(PROCESS_PHASES) as ProcessPhase[];
const edges = phases.flatMap((from) =>
  Object.entries(PROCESS_PHASES[from]).map(([step, to]) => `${from} --${step}--> ${to}`),
);

/** Lives of a process: each step, and the phase that it leads to. */
const LIVES: Readonly<Record<string, string>> = {
  'runs, exits and is read to the end':
    'begin spawning, SPAWNED running, exit exited, EXITED+empty draining, DRAINED ended',
  'ends with an exit that says everything': 'begin spawning, SPAWNED running, exit exited, EXITED+empty+drained ended',
  'leaves members of its tree, which are killed':
    'begin spawning, SPAWNED running, kill running, exit exited, kill exited, EXITED left, kill left, DRAINED left-drained, kill left-drained, GONE ended',
  'leaves members that hold its output':
    'begin spawning, SPAWNED running, exit exited, EXITED left, GONE draining, DRAINED ended',
  'leaves members without its output':
    'begin spawning, SPAWNED running, exit exited, EXITED+drained left-drained, GONE ended',
  'is asked before its turn': 'ask cancelled, GONE ended',
  'is killed before its turn': 'kill cancelled, GONE ended',
  'cannot be spawned': 'begin spawning, SPAWN_FAILED ended',
  'is refused before its turn': 'SPAWN_FAILED ended',
  'is asked at every moment':
    'begin spawning, SPAWNED running, ask running, exit exited, ask exited, EXITED left, ask left, DRAINED left-drained, ask left-drained, GONE ended',
  'is signalled at every moment':
    'begin spawning, SPAWNED running, signal running, freeze freezing, signal freezing, FROZEN frozen, signal frozen, exit exited, signal exited, EXITED left, signal left, DRAINED left-drained, signal left-drained, GONE ended',
  'is frozen, thawed and frozen twice':
    'begin spawning, SPAWNED running, freeze freezing, thaw running, freeze freezing, freeze freezing, FROZEN frozen, freeze freezing, FROZEN frozen, thaw running',
  'is thawed at every moment':
    'begin spawning, SPAWNED running, thaw running, exit exited, thaw exited, EXITED left, thaw left, DRAINED left-drained, thaw left-drained',
  'cannot be frozen': 'begin spawning, SPAWNED running, freeze freezing, FREEZE_FAILED running',
  'is not frozen while it does not run':
    'FREEZE_FAILED queued, begin spawning, FREEZE_FAILED spawning, SPAWNED running, exit exited, FREEZE_FAILED exited, EXITED left, FREEZE_FAILED left, DRAINED left-drained, FREEZE_FAILED left-drained',
  'exits while it is being frozen': 'begin spawning, SPAWNED running, freeze freezing, exit exited',
  'is asked while it is being frozen': 'begin spawning, SPAWNED running, freeze freezing, ask running',
  'is killed while it is being frozen': 'begin spawning, SPAWNED running, freeze freezing, kill running',
  'is asked while it is frozen': 'begin spawning, SPAWNED running, freeze freezing, FROZEN frozen, ask running',
  'is killed while it is frozen':
    'begin spawning, SPAWNED running, freeze freezing, FROZEN frozen, kill frozen, exit exited',
};

/** The edges of a life, as the table names them. */
function edgesOf(life: string): string[] {
  let from: ProcessPhase = 'queued';
  return life.split(', ').map((word) => {
    const [step = '', to] = word.split(' ');
    const edge = `${from} --${step.replaceAll('+', ' ')}--> ${to}`;
    from = to as ProcessPhase;
    return edge;
  });
}

describe('the phases of a process', () => {
  it.each(Object.entries(LIVES))('let a process that %s', (_, life) => {
    let phase: ProcessPhase = 'queued';
    for (const word of life.split(', ')) {
      const [step = '', to] = word.split(' ');
      phase = phaseAfter(phase, step.replaceAll('+', ' ') as ProcessStep) as ProcessPhase;
      expect(phase, word).toBe(to);
    }
  });

  it('have no edge that these lives do not take', () => {
    expect([...new Set(Object.values(LIVES).flatMap(edgesOf))].sort()).toEqual([...edges].sort());
  });

  it('lead from every one to the end', () => {
    const reaches = (from: ProcessPhase, seen = new Set<ProcessPhase>()): boolean => {
      if (from === 'ended') return true;
      seen.add(from);
      return Object.values(PROCESS_PHASES[from]).some((to) => !seen.has(to) && reaches(to, seen));
    };
    expect(phases.filter((phase) => !reaches(phase))).toEqual([]);
  });

  it('have no step after the last fact', () => {
    expect(PROCESS_PHASES.ended).toEqual({});
  });

  it('know the phases in which processes may be alive', () => {
    const alive = ['running', 'freezing', 'frozen', 'exited', 'left', 'left-drained'];
    expect(phases.filter(hasTree)).toEqual(alive);
    expect(phases.filter(isRunning)).toEqual(alive.slice(0, 3));
  });

  it('depend on the fields of EXITED', () => {
    const exited = (empty: boolean, drained: boolean): ProcessFact => ({
      type: 'EXITED',
      incarnation: 1,
      code: 0,
      signal: null,
      detail: '',
      oom: false,
      at: 0,
      empty,
      drained,
    });
    const facts = [exited(false, false), exited(false, true), exited(true, false), exited(true, true)];
    expect(facts.map((fact) => phaseAfter('exited', fact))).toEqual(['left', 'left-drained', 'draining', 'ended']);
  });

  it('report nothing that is not true any more', () => {
    expect(phaseAfter('running', { type: 'FROZEN', incarnation: 1, at: 0 })).toBe(null);
    expect(phaseAfter('running', { type: 'DRAINED', incarnation: 1 })).toBe(null);
    expect(phaseAfter('exited', { type: 'GONE', incarnation: 1 })).toBe(null);
  });
});
