import type { ChildPast } from './earlier.js';
import type { Reason } from './reason.js';
import type { NodeSpec } from './spec.js';

/*
 * The interface between a supervisor and its engine. Facts go in, with the time and the random numbers that they need; effects come out. The static
 * engine (supervision) and the pool's have the same interface.
 */

/** The commands for one child. `restart_child`, `delete` and `terminate` are OTP's; `start`, `stop`, `restart` are idempotent. */
export type Verb = 'start' | 'stop' | 'kill' | 'restart' | 'restart_child' | 'delete';

/** Identifies a pending command, whose caller waits for an answer. */
export type Token = number;

export type Fact =
  | { readonly type: 'boot'; readonly at: number }
  /** It had ended before the program was started again: its children are created, and nothing is started. */
  | { readonly type: 'rest'; readonly end: End }
  | { readonly type: 'halt'; readonly at: number; readonly brutal: boolean }
  /** A supervisor above has begun to stop: nothing starts here any more, the `halt` follows. */
  | { readonly type: 'quiesce' }
  | { readonly type: 'ready'; readonly id: string; readonly generation: number; readonly at: number }
  | {
      readonly type: 'ended';
      readonly id: string;
      readonly generation: number;
      readonly at: number;
      readonly random: number;
      readonly reason: Reason;
    }
  /** It cannot be ended: a zombie. An `ended` follows if its last process ever ends. */
  | {
      readonly type: 'stuck';
      readonly id: string;
      readonly generation: number;
      readonly at: number;
      readonly blockers: string;
    }
  /** The delay of a sweep is over. */
  | { readonly type: 'delay-over'; readonly sweep: number; readonly at: number }
  | { readonly type: 'add'; readonly token: Token; readonly spec: NodeSpec; readonly at: number }
  | { readonly type: 'command'; readonly token: Token; readonly verb: Verb; readonly id: string; readonly at: number };

/** Why a child is stopped: it becomes the cause in its exit record. */
export type StopCause = 'command' | 'sibling' | 'shutdown';

export type Answer =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly code: AnswerCode; readonly reason: string };

export type AnswerCode =
  | 'NOT_FOUND'
  | 'ALREADY_STARTED'
  | 'ALREADY_PRESENT'
  | 'RUNNING'
  | 'RESTARTING'
  | 'SIMPLE_ONE_FOR_ONE'
  | 'POOL_FULL'
  | 'SUPERVISOR_ENDED'
  | 'START_FAILED'
  | 'SUPERSEDED'
  | 'ZOMBIE'
  | 'EXHAUSTED';

export type Effect =
  /** A child was added; it is not started yet. */
  | { readonly type: 'create'; readonly id: string; readonly spec: NodeSpec }
  | { readonly type: 'start'; readonly id: string; readonly generation: number }
  | { readonly type: 'stop'; readonly id: string; readonly brutal: boolean; readonly cause: StopCause }
  /** The child waits for its next restart; the figures of the decision are included. */
  | {
      readonly type: 'retry';
      readonly id: string;
      readonly delay: number;
      readonly restarts: number;
      readonly left: number;
      readonly reason: Reason;
    }
  /** The child is not restarted any more. */
  | {
      readonly type: 'exhausted';
      readonly id: string;
      readonly restarts: number;
      readonly within: number;
      readonly reason: Reason;
    }
  /** It starts when these siblings are ready. */
  | { readonly type: 'waiting'; readonly id: string; readonly for: readonly string[] }
  /** Requests a `delay-over` fact for this sweep after `delay` ms. */
  | { readonly type: 'delay'; readonly sweep: number; readonly delay: number }
  /** The child, a supervisor, must not start anything any more. */
  | { readonly type: 'quiesce'; readonly id: string }
  /** The child was removed. */
  | { readonly type: 'remove'; readonly id: string }
  | { readonly type: 'answer'; readonly token: Token; readonly answer: Answer }
  /** A fact of an earlier incarnation. */
  | { readonly type: 'stale'; readonly id: string; readonly generation: number; readonly fact: string }
  | { readonly type: 'status'; readonly status: DecidedStatus }
  /** It has ended: nothing is started or stopped any more. */
  | ({ readonly type: 'finished' } & End)
  /** After `finished`: the last of those that were left is gone. */
  | { readonly type: 'gone' };

/** How an engine ended. */
export interface End {
  readonly reason: Reason;
  /** The child that made it end; `null` when a halt did. */
  readonly child: string | null;
  /** The children that could not be ended; all others are down. */
  readonly left: readonly string[];
}

/** The statuses of an engine before its end. */
export type DecidedStatus = 'booting' | 'running' | 'stopping' | 'failing';

export type Status = 'idle' | DecidedStatus | 'ended';

/** One row of which_children (A6). OTP's pid `undefined` is `down` here. */
export interface ChildRow {
  readonly id: string;
  readonly phase: Phase;
  readonly generation: number;
}

export type Phase = 'down' | 'starting' | 'up' | 'stopping' | 'restarting' | 'stuck';

/** count_children (A8). */
export interface ChildCount {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** The interface of both engines for the actor that carries out their effects. */
export interface Engine {
  readonly status: Status;
  /** Handles one fact and returns the effects, in order. Never throws, reads no clock, has no side effects. */
  decide(fact: Fact): Effect[];
  /** Newest first (A6). */
  which(): ChildRow[];
  row(id: string): ChildRow | undefined;
  count(): ChildCount;
  /** The siblings that must be ready before this child's planned start; empty without one. */
  awaitedBy(id: string): readonly string[];
  /** The restarts within the window that are charged to this supervisor itself. */
  readonly stamps: readonly number[];
  /** What a successor must know of a child. */
  past(id: string): ChildPast | undefined;
}
