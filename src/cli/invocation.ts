import type { Command } from 'commander';
import type { Host } from './host.js';

/** One run of the command line. */
export interface Invocation {
  readonly host: Host;
  /** As typed, without the program's name. */
  readonly argv: readonly string[];
  /** Receives the exit code of the command. */
  readonly finish: (code: number) => void;
}

/** Adds a family of commands to the program. Each command calls `finish` once, or rejects. */
export type AddCommands = (program: Command, invocation: Invocation) => void;
