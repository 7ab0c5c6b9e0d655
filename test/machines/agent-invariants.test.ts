import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentMachine } from '../../src/machines/index.js';
import type { AgentEvent } from '../../src/model/agent.js';
import {
  agent,
  CONDEMN,
  DRAINED,
  EXHAUSTED,
  exited,
  extend,
  FREEZE,
  FREEZE_FAILED,
  FROZEN,
  GONE,
  HEALTHY,
  HUSH,
  KILL,
  LEASE_FAILED,
  LEASED,
  ORPHANED,
  READY,
  RESUME,
  RETRY,
  SPAWN_FAILED,
  SPAWNED,
  START,
  STOP,
  UNHEALTHY,
  UNREAD,
} from './agent-words.js';
import { begin, placeIn } from './scenario.js';

/** What there is of one incarnation in the world outside. */
type World = 'nothing' | 'leasing' | 'launching' | 'alive' | 'leftovers' | 'unread' | 'leftovers, read';

/** What the world may tell next, and what it then is: the contract of drivers (drivers/driver.ts) and of ports. */
const TELLS: Readonly<Record<World, readonly (readonly [AgentEvent, World])[]>> = {
  nothing: [],
  leasing: [
    [LEASED, 'launching'],
    [LEASE_FAILED, 'nothing'],
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

/** What people and supervisors may send at any time. */
const COMMANDS: readonly AgentEvent[] = [START, STOP, KILL, FREEZE, HUSH, RESUME, CONDEMN, RETRY, EXHAUSTED];
const WAITS = [1, 10, 100, 1000];

/** One thing that happens: what the world tells, a command, or time; the number chooses among what is possible. */
const happening = fc.tuple(fc.constantFrom('tell', 'tell', 'command', 'wait'), fc.nat(1000));
const story = fc.record({
  leases: fc.boolean(),
  readyAtOnce: fc.boolean(),
  all: fc.array(happening, { maxLength: 60 }),
});

/** An agent at rest: its supervisor may start it again. */
const RESTING = /^(stopped|completed|failed)/;

describe('an agent in any order of events', () => {
  it('rests only when nothing of it lives, gives its ports back once, and tells its supervisor of each end once', () => {
    fc.assert(
      fc.property(story, ({ leases, readyAtOnce, all }) => {
        const life = new Life(leases, readyAtOnce);
        for (const [kind, choice] of all) {
          life.happen(kind, choice);
          life.check();
        }
        life.end();
      }),
      { numRuns: 500 },
    );
  });

  it('comes to rest from everywhere once it is stopped and the world does as it is told', () => {
    fc.assert(
      fc.property(story, ({ leases, readyAtOnce, all }) => {
        const life = new Life(leases, readyAtOnce);
        for (const [kind, choice] of all) life.happen(kind, choice);
        life.obey();
        expect(life.place).toMatch(RESTING);
        life.end();
      }),
      { numRuns: 500 },
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

  constructor(leases: boolean, readyAtOnce: boolean) {
    const { actor, clock } = begin(agentMachine, agent({ leases, readyAtOnce }), this.#written);
    this.#actor = actor;
    this.#clock = clock;
  }

  get place(): string {
    return placeIn(this.#actor.getSnapshot());
  }

  happen(kind: string, choice: number): void {
    const possible = TELLS[this.#world];
    const told = possible[choice % Math.max(1, possible.length)];
    if (kind === 'wait') this.#clock.increment(WAITS[choice % WAITS.length] ?? 1);
    else if (kind === 'command') this.#send(COMMANDS[choice % COMMANDS.length] ?? STOP);
    else if (told !== undefined && this.#mayBeTold(told[0])) {
      this.#world = told[1];
      this.#send(told[0]);
    }
    this.#follow();
  }

  check(): void {
    const resting = RESTING.test(this.place);
    const count = (effect: string) => this.#written.filter((each) => each === effect).length;
    const ends = this.#starts - (resting ? 0 : 1);
    expect([count('release'), count('tell(ended)'), count('recordExit')].map((each) => each - ends)).toEqual([
      0,
      0,
      this.#isRecorded() ? 1 : 0,
    ]);
    expect(count('tell(ready)')).toBeLessThanOrEqual(this.#starts);
    if (resting) expect(['nothing', 'unread']).toContain(this.#world);
  }

  /** It is killed, and dies; what was left behind goes, and the output is read. */
  obey(): void {
    this.#send(KILL);
    this.#follow();
    const answers: Readonly<Record<World, readonly AgentEvent[]>> = {
      nothing: [],
      leasing: [],
      launching: [GONE],
      alive: [exited({ code: null, signal: 'SIGKILL' })],
      leftovers: [GONE, DRAINED],
      'leftovers, read': [GONE],
      unread: [DRAINED],
    };
    for (const event of answers[this.#world]) this.#send(event);
  }

  end(): void {
    this.#actor.stop();
  }

  #send(event: AgentEvent): void {
    this.#actor.send(event);
  }

  /** What the agent did to the world since the last look. */
  #follow(): void {
    for (const effect of this.#written.slice(this.#seen)) {
      if (effect === 'announce(spawning)') this.#starts += 1;
      if (effect === 'lease') this.#world = 'leasing';
      if (effect === 'launch') this.#world = 'launching';
      if (effect === 'drain' || (effect === 'release' && this.#world === 'leasing')) this.#world = 'nothing';
    }
    this.#seen = this.#written.length;
  }

  /** A launch is cancelled only by a stop, and only a process that is being watched is ready. */
  #mayBeTold({ type }: AgentEvent): boolean {
    const { place } = this;
    if (type === 'GONE' && this.#world === 'launching') return /^(stopping|zombie)/.test(place);
    if (type === 'READY') return place.startsWith('spawning.probing');
    return true;
  }

  #isRecorded(): boolean {
    return !RESTING.test(this.place) && this.#actor.getSnapshot().context.exit !== null;
  }
}
