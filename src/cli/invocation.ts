import type { Command } from 'commander';
import type { Host } from './host.js';

/** One run of the command line. */
export interface Invocation {
  readonly host: Host;
  /** As typed, without the program's name. */
  readonly argv: readonly string[];
  /** Takes the exit code of the command that ran. */
  readonly finish: (code: number) => void;
}

/** Puts a family of commands on the program. Each command calls `finish` once, or rejects. */
export type AddCommands = (program: Command, invocation: Invocation) => void;
