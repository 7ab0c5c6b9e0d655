import type { Clock } from '../../contract/clock.js';
import type { OutputLine, OutputPage, OutputQuery } from '../../contract/view.js';
import type { OutputPlan, StreamName } from '../../model/spec.js';
import { textOf } from './line-reader.js';
import { LineRing } from './line-ring.js';
import { LineSplitter } from './line-splitter.js';

/** The output of one agent over all its incarnations: a ring of numbered lines for each stream. */
export interface Output {
  /** Adds bytes as they were read. Retains them only as far as the lines in the rings need. */
  push(stream: StreamName, bytes: Uint8Array): void;
  /** Further lines belong to a new incarnation: `tail` does not return earlier ones. */
  startOfIncarnation(): void;
  /** The incarnation writes no more: an unfinished line becomes a line. */
  endOfIncarnation(): void;
  /** A part of the lines in the rings. */
  page(query?: OutputQuery): OutputPage;
  /** The last lines of standard error of this incarnation, oldest first, an unfinished one included; bytes that are not UTF-8 become U+FFFD. */
  tail(lines: number): string[];
  /** Calls `listener` with every line from now on. Returns a function that removes the listener. An error of a listener is reported. */
  onLine(listener: (line: OutputLine) => void): () => void;
  /** The number of lines that have left the rings. */
  readonly dropped: Readonly<Record<StreamName, number>>;
}

/** Makes the output of one agent. It takes almost no memory until something is written. `onProblem` is called with errors of listeners. */
export function createOutput(plan: OutputPlan, clock: Clock, onProblem: (thrown: unknown) => void = ignore): Output {
  return new AgentOutput(plan, clock, onProblem);
}

interface Stream {
  readonly ring: LineRing;
  readonly splitter: LineSplitter;
  /** The first sequence number of this incarnation. */
  mark: number;
}

class AgentOutput implements Output {
  readonly #plan: OutputPlan;
  readonly #clock: Clock;
  readonly #onProblem: (thrown: unknown) => void;
  #listeners: Set<(line: OutputLine) => void> | null = null;
  #streams: Partial<Record<StreamName, Stream>> = {};
  /** Orders lines of both streams that came in the same millisecond. */
  #arrivals = 0;

  constructor(plan: OutputPlan, clock: Clock, onProblem: (thrown: unknown) => void) {
    this.#plan = plan;
    this.#clock = clock;
    this.#onProblem = onProblem;
  }

  get dropped(): Readonly<Record<StreamName, number>> {
    return { stdout: this.#streams.stdout?.ring.first ?? 0, stderr: this.#streams.stderr?.ring.first ?? 0 };
  }

  push(stream: StreamName, bytes: Uint8Array): void {
    const { ring, splitter } = this.#stream(stream);
    const at = this.#clock.wall();
    splitter.push(bytes, (line, partial) => this.#add(ring, { seq: ring.next, stream, at, partial, bytes: line }));
  }

  startOfIncarnation(): void {
    for (const stream of Object.values(this.#streams)) stream.mark = stream.ring.next;
  }

  endOfIncarnation(): void {
    const at = this.#clock.wall();
    for (const [name, { ring, splitter }] of Object.entries(this.#streams) as [StreamName, Stream][])
      splitter.flush((bytes, partial) => this.#add(ring, { seq: ring.next, stream: name, at, partial, bytes }));
  }

  page(query: OutputQuery = {}): OutputPage {
    const ranges = this.#rangesOf(query);
    const kept = merged(ranges);
    const asked = ranges.reduce(
      (sum, { ring, from }) => sum + Math.max(0, ring.next - (from ?? firstAsked(ring, query))),
      0,
    );
    const wanted = Math.min(asked, query.last ?? asked);
    const selected = wanted < kept.length ? kept.slice(kept.length - wanted) : kept;
    const lines = selected.slice(0, query.limit ?? selected.length);
    return { lines, dropped: Math.max(0, wanted - kept.length), next: this.#cursors(selected[lines.length], selected) };
  }

  tail(lines: number): string[] {
    const stream = this.#streams.stderr;
    if (stream === undefined || lines <= 0) return [];
    const texts = stream.ring.from(Math.max(stream.mark, stream.ring.next - lines)).map((line) => textOf(line.bytes));
    const rest = stream.splitter.rest();
    return (rest.length === 0 ? texts : [...texts, textOf(rest)]).slice(-lines);
  }

  onLine(listener: (line: OutputLine) => void): () => void {
    const entry = (line: OutputLine) => listener(line);
    this.#listeners ??= new Set();
    this.#listeners.add(entry);
    return () => {
      this.#listeners?.delete(entry);
    };
  }

  #add(ring: LineRing, line: OutputLine): void {
    ring.add(line, this.#arrivals);
    this.#arrivals += 1;
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
      ring: new LineRing(bytes, lines),
      splitter: new LineSplitter(Math.max(1, Math.min(lineBytes, bytes))),
      mark: 0,
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
  #cursors(left: OutputLine | undefined, selected: readonly OutputLine[]): Record<StreamName, number> {
    const out = left === undefined ? [] : selected.slice(selected.indexOf(left));
    const next = (name: StreamName) =>
      out.find((line) => line.stream === name)?.seq ?? this.#streams[name]?.ring.next ?? 0;
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

/** The lines of all ranges, in the order of their arrival. */
function merged([one, other]: readonly Range[]): OutputLine[] {
  if (one === undefined) return [];
  if (other === undefined) return one.ring.from(one.from ?? 0);
  const entries = [one, other].flatMap(({ ring, from = 0 }) => ring.entriesFrom(from));
  return entries.sort((a, b) => a.arrival - b.arrival).map((entry) => entry.line);
}

function ignore(): void {}
