import { describe, expect, it } from 'vitest';
import { agentMachine } from '../../src/machines/index.js';
import type { AgentEvent } from '../../src/model/agent.js';
import type { AgentSettings } from '../../src/model/lifecycle.js';
import fc from '../fast-check.js';
import { ruledEffects } from './agent-rules.js';
import {
  agent,
  DRAINED,
  EXHAUSTED,
  exited,
  extend,
  FREEZE,
  FREEZE_FAILED,
  FROZEN,
  GONE,
  HEALTHY,
  HOOK_DONE,
  HOOK_FAILED,
  HOOK_TIMEOUT,
  KILL,
  LEASE_FAILED,
  LEASED,
  LIMIT_RESTART,
  LIMIT_STOP,
  ORPHANED,
  PAUSE_COOPERATIVELY,
  PROBE_FAILED,
  PROBE_PASSED,
  READY,
  RESUME,
  RETRY,
  RETRY_CANCELLED,
  SPAWN_FAILED,
  SPAWNED,
  STAGES,
  START,
  STOP,
  UNHEALTHY,
  UNREAD,
  WATCHDOG_TRIGGERED,
} from './agent-words.js';
import { begin, placeIn } from './scenario.js';

/** What there is of one incarnation in the world outside. */
type World = 'nothing' | 'leasing' | 'hook' | 'launching' | 'alive' | 'leftovers' | 'unread' | 'leftovers, read';

/** What the world may tell next, and what it then is: the contract of drivers (drivers/driver.ts) and of ports. */
const TELLS: Readonly<Record<World, readonly (readonly [AgentEvent, World])[]>> = {
  nothing: [],
  leasing: [
    [LEASED, 'launching'],
    [LEASE_FAILED, 'nothing'],
  ],
  hook: [
    [HOOK_DONE, 'nothing'],
    [HOOK_FAILED, 'nothing'],
  ],
  launching: [
    [SPAWNED, 'alive'],
    [SPAWN_FAILED, 'nothing'],
    [GONE, 'nothing'],
  ],
  alive: [
    [READY, 'alive'],
    [FROZEN, 'alive'],
    [FREEZE_FAILED, 'alive'],
    [HEALTHY, 'alive'],
    [UNHEALTHY, 'alive'],
    [PROBE_PASSED, 'alive'],
    [PROBE_FAILED, 'alive'],
    [WATCHDOG_TRIGGERED, 'alive'],
    [extend(200), 'alive'],
    [exited({ code: 0 }), 'nothing'],
    [exited(), 'nothing'],
    [UNREAD, 'unread'],
    [ORPHANED, 'leftovers'],
  ],
  leftovers: [
    [GONE, 'unread'],
    [DRAINED, 'leftovers, read'],
  ],
  'leftovers, read': [[GONE, 'nothing']],
  unread: [[DRAINED, 'nothing']],
};

/** What it tells when everything of it is killed: that all of it is gone. */
const KILLED: Readonly<Record<World, readonly AgentEvent[]>> = {
  nothing: [],
  leasing: [],
  hook: [HOOK_FAILED],
  launching: [GONE],
  alive: [exited({ code: null, signal: 'SIGKILL' })],
  leftovers: [GONE, DRAINED],
  'leftovers, read': [GONE],
  unread: [DRAINED],
};

/** What people and supervisors may send at any time. */
const COMMANDS: readonly AgentEvent[] = [
  START,
  STOP,
  KILL,
  FREEZE,
  PAUSE_COOPERATIVELY,
  RESUME,
  LIMIT_RESTART,
  LIMIT_STOP,
  RETRY,
  RETRY_CANCELLED,
  EXHAUSTED,
];
const WAITS = [1, 10, 100, 1000];

/** One thing that happens: what the world tells, a command, or time; the number chooses among what is possible. */
const happening = fc.tuple(fc.constantFrom('tell', 'tell', 'command', 'wait'), fc.nat(1000));
const story = fc.record({
  settings: fc.record({
    leases: fc.boolean(),
    hooks: fc.record({
      beforeStart: fc.constantFrom(null, ['before']),
      afterEnd: fc.constantFrom(null, ['after']),
      timeout: fc.constant(HOOK_TIMEOUT),
    }),
    readyAtOnce: fc.boolean(),
    maxRuntime: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 15, 120, 1500),
    stop: fc.constantFrom(
      STAGES,
      { ...STAGES, brutal: true },
      { ...STAGES, closeInput: 20 },
      { ...STAGES, scope: 'main' as const },
    ),
  }),
  /** Whether its supervisor stops it when it is asked to. It may be ending itself. */
  obliging: fc.boolean(),
  all: fc.array(happening, { maxLength: 60 }),
});

/** Here its runtime is counted. */
const COUNTED = /^(spawning|running)/;

/** An agent at rest: its supervisor may start it again. */
const RESTING = /^(stopped|completed|failed)/;

describe('an agent in any order of events', () => {
  it('rests only when nothing of it lives, waits for ports only while it leases them, releases them once, and notifies its supervisor of each end once', () => {
    fc.assert(
      fc.property(story, ({ settings, obliging, all }) => {
        const life = new Life(settings, obliging);
        for (const [kind, choice] of all) {
          life.happen(kind, choice);
          life.check();
        }
        life.end();
      }),
      { numRuns: 250 },
    );
  });

  it('comes to rest from every state once it is stopped and every effect succeeds', () => {
    fc.assert(
      fc.property(story, ({ settings, obliging, all }) => {
        const life = new Life(settings, obliging);
        for (const [kind, choice] of all) life.happen(kind, choice);
        life.obey();
        expect(life.place).toMatch(RESTING);
        life.end();
      }),
      { numRuns: 250 },
    );
  });
});

/** One agent and the world around it. */
class Life {
  #world: World = 'nothing';
  #starts = 0;
  #seen = 0;
  readonly #written: string[] = [];
  readonly #actor;
  readonly #clock;

  readonly #maxRuntime: number;
  /** The runtime that was charged to this incarnation, and as it was when its pause was asked for. */
  #charged = 0;
  #chargedAtPause = 0;
  readonly #obliging: boolean;

  constructor(settings: Partial<AgentSettings> & { maxRuntime: number }, obliging: boolean) {
    const { actor, clock } = begin(agentMachine, agent(settings), this.#written);
    this.#actor = actor;
    this.#clock = clock;
    this.#maxRuntime = settings.maxRuntime;
    this.#obliging = obliging;
  }

  get place(): string {
    return placeIn(this.#actor.getSnapshot());
  }

  happen(kind: string, choice: number): void {
    const possible = TELLS[this.#world];
    const event = possible[choice % Math.max(1, possible.length)];
    if (kind === 'wait') this.#wait(WAITS[choice % WAITS.length] ?? 1);
    else if (kind === 'command') this.#send(COMMANDS[choice % COMMANDS.length] ?? STOP);
    else if (event !== undefined && this.#mayBeTold(event[0])) {
      this.#world = event[1];
      this.#send(event[0]);
    }
    this.#follow();
  }

  check(): void {
    this.#checkRuntime();
    const resting = RESTING.test(this.place);
    const count = (effect: string) => this.#written.filter((each) => each === effect).length;
    const ends = this.#starts - (resting ? 0 : 1);
    expect(
      [count('release'), count('notifySupervisor(ended)'), count('recordExit')].map((each) => each - ends),
    ).toEqual([0, 0, this.#isRecorded() ? 1 : 0]);
    expect(count('notifySupervisor(ready)')).toBeLessThanOrEqual(this.#starts);
    if (resting) expect(['nothing', 'unread']).toContain(this.#world);
    expect(this.#world === 'leasing').toBe(this.place === 'spawning.leasing');
  }

  /** It is killed, and dies; what was left behind goes, and the output is read. */
  obey(): void {
    this.#send(KILL);
    this.#follow();
    for (let events = KILLED[this.#world]; events.length > 0; events = KILLED[this.#world]) {
      this.#world = 'nothing';
      for (const event of events) this.#send(event);
      this.#follow();
    }
  }

  end(): void {
    this.#actor.stop();
  }

  /** One event is one step: what follows from the states alone, follows a rule. */
  #send(event: AgentEvent): void {
    const before = this.place;
    const from = this.#written.length;
    this.#actor.send('now' in event ? { ...event, now: this.#clock.now() } : event);
    const ruled = this.#written.slice(from).filter((effect) => /^reportSubstate|Resources$|Liveness$/.test(effect));
    expect(ruled).toEqual(ruledEffects(before, this.place));
    if (event.type === 'START' && before !== this.place) this.#charged = 0;
    if (event.type === 'PAUSE' && before.startsWith('running')) this.#chargedAtPause = this.#charged;
    if (this.place.startsWith('paused')) this.#charged = this.#chargedAtPause;
  }

  /** Time is charged while it starts and runs; a freeze that comes about is not. Each step of the clock is within one state or ends it. */
  #wait(ms: number): void {
    const from = this.#clock.now();
    const isCounted = COUNTED.test(this.place);
    this.#clock.increment(ms);
    if (!isCounted) return;
    this.#charged += this.#clock.now() - from;
  }

  /** It never runs longer than it may, and what ended it says so. */
  #checkRuntime(): void {
    const { cause, commanded } = this.#actor.getSnapshot().context;
    if (COUNTED.test(this.place)) expect(this.#charged).toBeLessThan(this.#maxRuntime);
    if (cause === 'timeout') expect([commanded, this.#charged >= this.#maxRuntime]).toEqual([true, true]);
  }

  /** What the agent did to the world since the last look. */
  #follow(): void {
    for (const effect of this.#written.slice(this.#seen)) {
      if (effect === 'countStart') this.#starts += 1;
      if (effect === 'lease') this.#world = 'leasing';
      if (effect.startsWith('runHook')) this.#world = 'hook';
      if (effect === 'launch') this.#world = 'launching';
      if (effect === 'drain' || effect === 'cancelLease') this.#world = 'nothing';
    }
    const isAsked = this.#written.slice(this.#seen).includes('requestStop');
    this.#seen = this.#written.length;
    if (isAsked && this.#obliging) this.#send(STOP);
  }

  /** A launch is cancelled only by a stop, and only a process that is being watched is ready. */
  #mayBeTold({ type }: AgentEvent): boolean {
    const { place } = this;
    if (type === 'GONE' && this.#world === 'launching') return /^(stopping|zombie)/.test(place);
    if (type === 'READY') return place.startsWith('spawning.probing');
    return true;
  }

  /** A hook that runs while it does not start runs after its end, or is being ended with its start. */
  #isRecorded(): boolean {
    if (RESTING.test(this.place)) return false;
    const isEnded = this.#world === 'hook' && !this.place.startsWith('spawning');
    return isEnded || this.#actor.getSnapshot().context.exit !== null;
  }
}
