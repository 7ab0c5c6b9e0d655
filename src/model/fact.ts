import type { Reason } from './reason.js';
import type { NodeSpec } from './spec.js';

/*
 * The words between a supervisor and its engine. Facts go in, with the time and the chance they need; effects come out.
 * The static engine (supervision) and the pool's speak the same words.
 */

/** What a caller may ask of a supervisor about one child. `restart_child` and `terminate` are OTP's; `start`, `stop`, `restart` are idempotent. */
export type Verb = 'start' | 'stop' | 'kill' | 'restart' | 'restart_child' | 'delete';

/** Names the caller who waits for an answer. */
export type Token = number;

export type Fact =
  | { readonly type: 'boot'; readonly at: number }
  | { readonly type: 'halt'; readonly at: number; readonly brutal: boolean }
  /** A supervisor above has begun to stop: nothing starts here any more, the `halt` comes in its turn. */
  | { readonly type: 'hush' }
  | { readonly type: 'ready'; readonly id: string; readonly generation: number; readonly at: number }
  | {
      readonly type: 'ended';
      readonly id: string;
      readonly generation: number;
      readonly at: number;
      readonly random: number;
      readonly reason: Reason;
    }
  /** It cannot be ended: a zombie. An `ended` follows if its last process ever goes. */
  | { readonly type: 'stuck'; readonly id: string; readonly generation: number; readonly blockers: string }
  /** The delay of a sweep is over. */
  | { readonly type: 'due'; readonly sweep: number; readonly at: number }
  | { readonly type: 'add'; readonly token: Token; readonly spec: NodeSpec; readonly at: number }
  | { readonly type: 'command'; readonly token: Token; readonly verb: Verb; readonly id: string; readonly at: number };

/** Why a child is told to stop: it becomes the cause in its exit record. */
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
  /** A child is now known; it is not started yet. */
  | { readonly type: 'create'; readonly id: string; readonly spec: NodeSpec }
  | { readonly type: 'start'; readonly id: string; readonly generation: number }
  | { readonly type: 'stop'; readonly id: string; readonly brutal: boolean; readonly cause: StopCause }
  /** The child waits for its next try; the number behind the decision goes with it. */
  | {
      readonly type: 'retry';
      readonly id: string;
      readonly delay: number;
      readonly restarts: number;
      readonly left: number;
      readonly reason: Reason;
    }
  /** No further try comes by itself. */
  | {
      readonly type: 'exhausted';
      readonly id: string;
      readonly restarts: number;
      readonly within: number;
      readonly reason: Reason;
    }
  /** It will be started when these siblings are ready. */
  | { readonly type: 'waiting'; readonly id: string; readonly for: readonly string[] }
  /** A `due` fact is wanted for this sweep after `delay` ms. */
  | { readonly type: 'delay'; readonly sweep: number; readonly delay: number }
  /** The child, a supervisor, is to be told `hush`. */
  | { readonly type: 'hush'; readonly id: string }
  /** The child is forgotten. */
  | { readonly type: 'remove'; readonly id: string }
  | { readonly type: 'answer'; readonly token: Token; readonly answer: Answer }
  /** A fact of an incarnation that is no longer the living one. */
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

/** What an engine tells of itself while it lives. */
export type DecidedStatus = 'booting' | 'running' | 'stopping' | 'failing';

export type Status = 'idle' | DecidedStatus | 'ended';

/** One row of which_children (A6): `undefined` pid in OTP is `down` here, `restarting` is `restarting`. */
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

/** What both engines offer to the actor that acts for them. */
export interface Engine {
  readonly status: Status;
  /** Takes in one fact and says what is to be done, in order. Never throws, reads no clock, does nothing itself. */
  decide(fact: Fact): Effect[];
  /** Newest first (A6). */
  which(): ChildRow[];
  row(id: string): ChildRow | undefined;
  count(): ChildCount;
  /** The siblings that must be ready before this child starts, as far as a start of it is due; empty otherwise. */
  awaitedBy(id: string): readonly string[];
}
