import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, LogItem } from '../client/client.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import type { ExitRecord } from '../model/exit.js';
import type { AgentRow, LineView } from '../protocol/operations.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { printLines } from './session.js';

/** The incarnation of an agent that a terminal is attached to. */
export interface Attached {
  /** Its uuid. */
  readonly agent: string;
  readonly incarnation: number;
}

/** How an attachment ended: by the user, or with the agent, whose exit code is `code`. */
export type AttachmentEnd = 'detached' | { readonly exit: ExitRecord; readonly code: number };

/** Ctrl-], as in telnet(1). */
const DETACH = 0x1d;

/** The time between two looks at the state of the agent, in ms. */
const LOOK_PERIOD = 200;

/** How long the keys before the end may take to be taken, in ms. */
const LAST_KEYS = 500;

/** The size where that of the own terminal is not known. */
const USUAL = { columns: 80, rows: 24 };

/**
 * What programs switch on in a terminal, switched off (xterm control sequences): the alternate screen, a hidden cursor, keys of an application, reports of the
 * mouse and of the focus, bracketed paste, colours.
 */
const RESTORE =
  '\x1b[?1047l\x1b[?25h\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[0m\n';

/** Errors of input that the agent does not take now. The keys are lost, which a bell says. */
const NOT_TAKEN: ReadonlySet<string> = new Set(['STDIN_FULL', 'STDIN_STALLED', 'STDIN_CLOSED', 'INVALID_STATE']);

/** The own terminal, connected to that of one incarnation of an agent. */
export class Attachment {
  readonly #host: Host;
  readonly #client: Client;
  readonly #attached: Attached;
  readonly #stop = new AbortController();
  /** Keys that are not sent yet. */
  #keys: Uint8Array[] = [];
  #sending: Promise<void> | null = null;
  #isDetached = false;
  /** The number of the next line that is to be shown. */
  #next = 0;

  constructor(host: Host, client: Client, attached: Attached) {
    this.#host = host;
    this.#client = client;
    this.#attached = attached;
  }

  /**
   * Resolves when the user detaches or the incarnation has ended and its output is shown; the own terminal is restored then. Rejects TERMINAL_ABSENT,
   * INVALID_STATE for an agent that does not run, and what ends the connection. `interrupted` ends it at once.
   */
  async run(interrupted: AbortSignal): Promise<AttachmentEnd> {
    const { agent } = this.#attached;
    const { next } = await this.#client.request('logs', { agent, stream: 'stdout', last: 0 }, { signal: interrupted });
    this.#next = next.stdout;
    await this.#resize();
    printLines(this.#host.err, [`Attached; Ctrl-] detaches.`]);
    const restore = this.#take();
    interrupted.addEventListener('abort', restore);
    const signal = AbortSignal.any([interrupted, this.#stop.signal]);
    try {
      const ends = [this.#show(signal), this.#ended(signal)];
      const end = await Promise.race([...ends, this.#stopped()]);
      await Promise.race([this.#sending, sleep(LAST_KEYS)]);
      return end ?? 'detached';
    } catch (thrown) {
      if (this.#isDetached) return 'detached';
      throw thrown;
    } finally {
      this.#stop.abort();
      interrupted.removeEventListener('abort', restore);
      restore();
    }
  }

  /** Takes the own terminal. Returns a function that restores it, once. */
  #take(): () => void {
    const host = this.#host;
    const undo = [
      host.keys?.((_key, bytes) => this.#typed(bytes)),
      host.out.onResize?.(() => this.#resized()),
      host.guardTerminal?.('', RESTORE, () => {
        host.passLineEnds?.();
        this.#resized();
      }),
    ];
    host.passLineEnds?.();
    let isRestored = false;
    return () => {
      if (isRestored) return;
      isRestored = true;
      for (const each of undo) each?.();
      host.out.write(RESTORE, 'raw');
    };
  }

  #typed(bytes: Uint8Array): void {
    const end = bytes.indexOf(DETACH);
    const keys = end < 0 ? bytes : bytes.subarray(0, end);
    if (keys.length > 0) this.#keys.push(keys);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
    if (end < 0) return;
    this.#isDetached = true;
    this.#stop.abort();
  }

  /** One request at a time keeps the order of the keys. */
  async #send(): Promise<void> {
    while (this.#keys.length > 0) {
      const data = Buffer.concat(this.#keys.splice(0));
      try {
        await this.#client.request('send', { agent: this.#attached.agent, data });
      } catch (thrown) {
        if (!isNotTaken(thrown)) return this.#stop.abort(thrown);
        this.#host.out.write('\x07', 'raw');
      }
    }
  }

  #resized(): void {
    this.#resize().catch((thrown) => {
      if (!isNotTaken(thrown)) this.#stop.abort(thrown);
    });
  }

  async #resize(): Promise<void> {
    const { columns, rows = USUAL.rows } = this.#host.out;
    const known = Number.isFinite(columns) && Number.isFinite(rows) ? { columns, rows } : USUAL;
    await this.#client.request('resize', { agent: this.#attached.agent, ...known });
  }

  /** Shows the output until the end; pending then, as the end of the agent is seen by its state. */
  async #show(signal: AbortSignal): Promise<never> {
    const query = { stream: 'stdout', from: this.#next, follow: true, signal } as const;
    try {
      for await (const item of this.#client.logs(this.#attached.agent, query)) this.#print(item);
    } catch (thrown) {
      if (!signal.aborted && codeOf(thrown) !== 'AGENT_NOT_FOUND') throw thrown;
    }
    return new Promise(() => {});
  }

  #print(item: LogItem | ({ readonly type: 'line' } & Pick<LineView, 'seq' | 'text' | 'bytes'>)): void {
    if (item.type !== 'line' || item.seq < this.#next) return;
    this.#next = item.seq + 1;
    this.#host.out.write(item.bytes ?? Buffer.from(item.text), 'raw');
  }

  /** Resolves when the incarnation has ended and what it has written is shown. */
  async #ended(signal: AbortSignal): Promise<AttachmentEnd> {
    const { agent, incarnation } = this.#attached;
    for (;;) {
      const row = await this.#client.request('status', { agent }, { signal });
      if (hasEnded(row, incarnation)) {
        const { lines } = await this.#client.request('logs', { agent, stream: 'stdout', from: this.#next }, { signal });
        for (const line of lines) this.#print({ type: 'line', ...line });
        return { exit: row.exit, code: exitCodeOf(row.exit) };
      }
      await sleep(LOOK_PERIOD, undefined, { signal });
    }
  }

  /** Resolves when the user detaches; rejects with the error that ends the connection. */
  #stopped(): Promise<null> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const end = () => (this.#isDetached ? resolve(null) : reject(signal.reason));
      signal.addEventListener('abort', end);
      if (signal.aborted) end();
    });
  }
}

/** A record of its end, or of a later one if this one ended without being seen. */
function hasEnded(row: AgentRow, incarnation: number): row is AgentRow & { exit: ExitRecord } {
  return row.exit !== null && row.exit.incarnation >= incarnation;
}

function exitCodeOf({ code, signal }: ExitRecord): number {
  const number = signal === null ? undefined : constants.signals[signal as NodeJS.Signals];
  return code ?? (number === undefined ? EXIT.failed : SIGNAL_BASE + number);
}

/** As a shell reports an end by a signal. */
const SIGNAL_BASE = 128;

function isNotTaken(thrown: unknown): boolean {
  return NOT_TAKEN.has(codeOf(thrown));
}

function codeOf(thrown: unknown): string {
  return thrown instanceof SupertreeError ? thrown.code : asSupertreeError(thrown).code;
}
