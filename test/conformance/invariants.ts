import type { Effect, Engine, Fact } from '../../src/model/fact.js';
import type { Budget } from '../../src/model/spec.js';

/*
 * What must hold in every order of events, checked from outside: on the facts that go into an engine and the effects that come out.
 * The world (harness.ts) checks the lives; this checks order and budget.
 */

/** Passes everything through to `engine` and notes in `violations` what an engine must never say. */
export function watched(engine: Engine, violations: string[], rules: readonly Rule[]): Engine {
  const decide = (fact: Fact): Effect[] => {
    const effects = engine.decide(fact);
    for (const rule of rules) violations.push(...rule(fact, effects));
    return effects;
  };
  return {
    get status() {
      return engine.status;
    },
    decide,
    which: () => engine.which(),
    row: (id) => engine.row(id),
    count: () => engine.count(),
    awaitedBy: (id) => engine.awaitedBy(id),
    get stamps() {
      return engine.stamps;
    },
    past: (id) => engine.past(id),
  };
}

/** Looks at one decision; returns what is wrong with it. */
export type Rule = (fact: Fact, effects: readonly Effect[]) => string[];

/**
 * P1: during a halt, whoever is asked to stop is the last in start order of those that live and can be ended. One that was asked before may
 * be asked again at any time: more brutally. One that is only starting is called off at once.
 */
export function reverseOrder(): Rule {
  const order: string[] = [];
  const alive = new Set<string>();
  const asked = new Set<string>();
  const ready = new Set<string>();
  const begin = (id: string) => {
    alive.add(id);
    asked.delete(id);
    ready.delete(id);
  };
  return (fact, effects) => {
    if (fact.type === 'ready') ready.add(fact.id);
    if (fact.type === 'ended' || fact.type === 'stuck') alive.delete(fact.id);
    return effects.flatMap((effect) => {
      if (effect.type === 'create') order.push(effect.id);
      if (effect.type === 'remove') order.splice(order.indexOf(effect.id), 1);
      if (effect.type === 'start') begin(effect.id);
      if (effect.type !== 'stop') return [];
      const again = asked.has(effect.id);
      asked.add(effect.id);
      if (again || effect.cause !== 'shutdown' || !ready.has(effect.id)) return [];
      const younger = order.slice(order.indexOf(effect.id) + 1).filter((id) => alive.has(id));
      return younger.length > 0 ? [`${effect.id} asked to stop before ${younger.join(', ')} were gone`] : [];
    });
  };
}

/** Nobody who lives is asked to stop twice, unless more brutally. */
export function askedOnce(): Rule {
  const unasked = new Set<string>();
  const alive = new Set<string>();
  return (fact, effects) => {
    if (fact.type === 'ended') alive.delete(fact.id);
    return effects.flatMap((effect) => {
      if (effect.type === 'start') for (const set of [unasked, alive]) set.add(effect.id);
      if (effect.type !== 'stop' || effect.brutal || !alive.has(effect.id)) return [];
      return unasked.delete(effect.id) ? [] : [`${effect.id} asked to stop twice`];
    });
  };
}

/** R5, R7: OTP's window, counted here once more; too many restarts in it, and only then, mean the end. */
export function budgetKept(budget: Budget): Rule {
  let seconds: number[] = [];
  let last = 0;
  const count = (at: number): number => {
    const now = Math.floor(at / 1000);
    seconds = [now, ...seconds.filter((second) => second >= now - budget.within / 1000)];
    return seconds.length;
  };
  return (fact, effects) => {
    if ('at' in fact) last = fact.at;
    const charged = effects.filter((effect) => effect.type === 'retry' || effect.type === 'exhausted');
    const problems = charged.flatMap((effect) => {
      const counted = count(last);
      const right = effect.type === 'retry' ? counted <= budget.maxRestarts : counted > budget.maxRestarts;
      return right ? [] : [`${effect.type} of ${effect.id} at restart ${counted} of ${budget.maxRestarts}`];
    });
    const gaveUp = effects.some((effect) => effect.type === 'exhausted');
    const failing = effects.some((effect) => effect.type === 'status' && effect.status === 'failing');
    return gaveUp && !failing ? [...problems, 'exhausted without consequence'] : problems;
  };
}

/** R1: an unplanned end of a living child has a consequence: a retry, the end of the supervisor, or that it is down for good. */
export function endsAnswered(engine: Engine): Rule {
  return (fact, effects) => {
    if (fact.type !== 'ended') return [];
    const stale = effects.some((effect) => effect.type === 'stale');
    const anew = effects.some((effect) => effect.type === 'start' && effect.id === fact.id);
    const row = engine.row(fact.id);
    const alive = row?.generation === fact.generation && row.phase !== 'down' && row.phase !== 'restarting';
    return alive && !stale && !anew ? [`${fact.id} ended, and is still called ${row.phase}`] : [];
  };
}
