import type { Clock } from '../../contract/clock.js';
import type { OutputLine, OutputPage, OutputQuery } from '../../contract/view.js';
import type { KeptOutput } from '../../drivers/driver.js';
import type { OutputOrder, StreamName } from '../../model/spec.js';
import type { TimingWheel } from '../timing-wheel.js';
import { textOf } from './line-reader.js';
import { LineRing } from './line-ring.js';
import { LineSplitter } from './line-splitter.js';
import { Merge } from './merge.js';

/** The output of one agent over all its incarnations: a ring of numbered lines for each stream. */
export interface Output {
  /** Adds bytes as they were read. Retains them only as far as the lines in the rings need. */
  push(stream: StreamName, bytes: Uint8Array): void;
  /** Adds what an earlier program has read, before anything else. */
  restore(output: readonly KeptOutput[]): void;
  /** The numbers of the first lines of this incarnation, if all its unfinished lines had become lines at their end alone. */
  readonly begins: Readonly<Record<StreamName, number>>;
  /** The numbers of the lines that come next. */
  readonly next: Readonly<Record<StreamName, number>>;
  /** Further lines belong to a new incarnation: `tail` does not return earlier ones. */
  startOfIncarnation(): void;
  /** The incarnation writes no more: an unfinished line becomes a line. */
  endOfIncarnation(): void;
  /** A part of the lines in the rings. */
  page(query?: OutputQuery): OutputPage;
  /** The last lines of standard error of this incarnation, or of both streams where they are merged, oldest first, an unfinished one included; bytes that are not UTF-8 become U+FFFD. */
  tail(lines: number): string[];
  /** Calls `listener` with every line from now on. Returns a function that removes the listener. An error of a listener is reported. */
  onLine(listener: (line: OutputLine) => void): () => void;
  /** The number of lines that have left the rings. */
  readonly dropped: Readonly<Record<StreamName, number>>;
}

/** The limits of the rings of one agent. */
export interface RingPlan {
  /** Bytes of each ring. */
  readonly bytes: number;
  /** Lines of each ring. */
  readonly lines: number;
  /** A longer line is split. */
  readonly lineBytes: number;
  /** With `merged` all lines are of stdout. If not given, separate. */
  readonly order?: OutputOrder;
}

export interface OutputOptions {
  /** Called with errors of listeners. If not given, they are ignored. */
  readonly onProblem?: (thrown: unknown) => void;
  /** Ends the waits for the rest of unfinished lines. If not given, an unfinished line is kept until its end. */
  readonly wheel?: Pick<TimingWheel, 'after'>;
  /** Whether somebody may watch what is typed there: then an unfinished line is a piece at once. If not given, false. */
  readonly isTerminal?: boolean;
  /** Called when an unfinished line has become a piece: `begins` has changed. If not given, nothing is called. */
  readonly onPiece?: () => void;
  /** The numbers of the first lines. If not given, 0. */
  readonly begins?: Output['begins'];
}

/**
 * Makes the output of one agent. It takes almost no memory until something is written. An unfinished line, such as a prompt, becomes a piece (`partial`) when
 * its rest has not come within a tenth of a second.
 */
export function createOutput(plan: RingPlan, clock: Clock, options: OutputOptions = {}): Output {
  return new AgentOutput(plan, clock, options);
}

const FROM_THE_START: Output['begins'] = { stdout: 0, stderr: 0 };

interface Stream {
  readonly name: StreamName;
  readonly ring: LineRing;
  readonly splitter: LineSplitter;
  /** Ends the wait for the rest of an unfinished line; `null` without one. */
  endWait: (() => void) | null;
  /** The first sequence number of this incarnation. */
  mark: number;
  /** How many unfinished lines of this incarnation have become pieces before their end. */
  pieces: number;
}

class AgentOutput implements Output {
  readonly #plan: RingPlan;
  readonly #clock: Clock;
  readonly #onProblem: (thrown: unknown) => void;
  readonly #wheel: OutputOptions['wheel'];
  readonly #patience: number;
  #listeners: Set<(line: OutputLine) => void> | null = null;
  #streams: Partial<Record<StreamName, Stream>> = {};
  readonly #begins: Output['begins'];
  readonly #onPiece: () => void;
  /** Orders lines of both streams that came in the same millisecond. */
  #arrivals = 0;

  constructor(
    plan: RingPlan,
    clock: Clock,
    { onProblem = ignore, onPiece = ignore, wheel, begins, isTerminal = false }: OutputOptions,
  ) {
    this.#plan = plan;
    this.#begins = begins ?? FROM_THE_START;
    this.#onPiece = onPiece;
    this.#clock = clock;
    this.#onProblem = onProblem;
    this.#wheel = wheel;
    this.#patience = isTerminal ? 1 : PATIENCE;
  }

  get dropped(): Readonly<Record<StreamName, number>> {
    const first = (name: StreamName) => this.#streams[name]?.ring.first ?? this.#begins[name];
    return { stdout: first('stdout'), stderr: first('stderr') };
  }

  get next(): Readonly<Record<StreamName, number>> {
    const next = (name: StreamName) => this.#streams[name]?.ring.next ?? this.#begins[name];
    return { stdout: next('stdout'), stderr: next('stderr') };
  }

  get begins(): Readonly<Record<StreamName, number>> {
    const begin = (name: StreamName) => {
      const stream = this.#streams[name];
      return stream === undefined ? this.#begins[name] : stream.mark + stream.pieces;
    };
    return { stdout: begin('stdout'), stderr: begin('stderr') };
  }

  restore(output: readonly KeptOutput[]): void {
    for (const { stream, bytes, at, lost } of output) {
      if (lost > 0) this.#stream(stream).ring.skip(lost);
      this.#push(stream, bytes, at);
    }
  }

  push(stream: StreamName, bytes: Uint8Array): void {
    this.#push(stream, bytes, this.#clock.wall());
  }

  #push(stream: StreamName, bytes: Uint8Array, at: number): void {
    const into = this.#stream(stream);
    into.splitter.push(bytes, (line, partial) => this.#add(into, line, partial, at));
    if (into.splitter.rest().length > 0) this.#awaitRest(into);
  }

  /** One wait at a time: it is not begun anew with each write, so that a line which grows slowly is seen as well. */
  #awaitRest(stream: Stream): void {
    const line = stream.ring.next;
    stream.endWait ??= this.#wheel?.after(this.#patience, () => this.#restIsLate(stream, line)) ?? null;
  }

  /** Where another line is unfinished meanwhile, as always in a flood, that one has a wait of its own. */
  #restIsLate(stream: Stream, line: number): void {
    stream.endWait = null;
    if (stream.splitter.rest().length === 0) return;
    if (stream.ring.next !== line) return this.#awaitRest(stream);
    stream.splitter.givePiece((piece, partial) => this.#add(stream, piece, partial, this.#clock.wall()));
    stream.pieces += 1;
    this.#onPiece();
  }

  startOfIncarnation(): void {
    for (const stream of Object.values(this.#streams)) {
      stream.mark = stream.ring.next;
      stream.pieces = 0;
    }
  }

  endOfIncarnation(): void {
    const at = this.#clock.wall();
    for (const stream of Object.values(this.#streams)) {
      stream.endWait?.();
      stream.endWait = null;
      stream.splitter.flush((bytes, partial) => this.#add(stream, bytes, partial, at));
    }
  }

  page(query: OutputQuery = {}): OutputPage {
    const ranges = this.#rangesOf(query);
    const counts = ranges.map(({ ring, from }) => Math.max(0, ring.next - (from ?? firstAsked(ring, query))));
    const asked = counts.reduce((sum, count) => sum + count, 0);
    const wanted = Math.min(asked, query.last ?? asked);
    const merge = new Merge(ranges);
    const kept = merge.remaining;
    merge.skip(kept - wanted);
    return { lines: merge.take(query.limit ?? kept), dropped: Math.max(0, wanted - kept), next: this.#cursors(merge) };
  }

  tail(lines: number): string[] {
    const stream = this.#streams[this.#plan.order === 'merged' ? 'stdout' : 'stderr'];
    if (stream === undefined || lines <= 0) return [];
    const { ring, splitter, mark } = stream;
    const from = Math.max(ring.first, mark, ring.next - lines);
    return joinedLines([...ring.lines(from, ring.next).map(({ bytes }) => bytes), splitter.rest()]).slice(-lines);
  }

  onLine(listener: (line: OutputLine) => void): () => void {
    const entry = (line: OutputLine) => listener(line);
    this.#listeners ??= new Set();
    this.#listeners.add(entry);
    return () => {
      this.#listeners?.delete(entry);
      if (this.#listeners?.size === 0) this.#listeners = null;
    };
  }

  #add({ name, ring }: Stream, bytes: Uint8Array, partial: boolean, at: number): void {
    const seq = ring.next;
    ring.add(bytes, partial, at, this.#arrivals);
    this.#arrivals += 1;
    if (this.#listeners !== null) this.#notify({ seq, stream: name, at, partial, bytes: Buffer.from(bytes) });
  }

  #notify(line: OutputLine): void {
    for (const listener of this.#listeners ?? []) {
      try {
        listener(line);
      } catch (thrown) {
        this.#onProblem(thrown);
      }
    }
  }

  #stream(name: StreamName): Stream {
    const { bytes, lines, lineBytes } = this.#plan;
    this.#streams[name] ??= {
      name,
      ring: new LineRing(name, bytes, lines, this.#begins[name]),
      splitter: new LineSplitter(Math.max(1, Math.min(lineBytes, bytes))),
      endWait: null,
      mark: this.#begins[name],
      pieces: 0,
    };
    return this.#streams[name];
  }

  #rangesOf({ stream = 'both', from }: OutputQuery): Range[] {
    const names: StreamName[] = stream === 'both' ? ['stdout', 'stderr'] : [stream];
    return names.flatMap((name) => {
      const ring = this.#streams[name]?.ring;
      return ring === undefined ? [] : [{ ring, from: typeof from === 'object' ? from[name] : from }];
    });
  }

  /** The cursors for the next page: the end of each ring, or the first line of the stream that the limit has left out. */
  #cursors(merge: Merge): Record<StreamName, number> {
    const next = (name: StreamName) => {
      const ring = this.#streams[name]?.ring;
      return ring === undefined ? this.#begins[name] : (merge.position(ring) ?? ring.next);
    };
    return { stdout: next('stdout'), stderr: next('stderr') };
  }
}

/** The first line that a query asks for: with `last` the very first one; without `from` and `last` the first in the ring, so that none is missing. */
function firstAsked(ring: LineRing, query: OutputQuery): number {
  return query.last === undefined ? ring.first : 0;
}

/** The part of one ring that a query asks for. */
interface Range {
  readonly ring: LineRing;
  readonly from: number | undefined;
}

/** The texts of lines whose pieces are joined. */
function joinedLines(pieces: readonly Uint8Array[]): string[] {
  const lines: Uint8Array[][] = [[]];
  for (const piece of pieces) {
    lines.at(-1)?.push(piece);
    if (piece.at(-1) === NEWLINE) lines.push([]);
  }
  return lines.map((parts) => Buffer.concat(parts)).flatMap((bytes) => (bytes.length === 0 ? [] : [textOf(bytes)]));
}

const NEWLINE = 0x0a;

/** How long the rest of an unfinished line is waited for, in ms: with the rounding of the wheel less than 100. */
const PATIENCE = 80;

function ignore(): void {}
