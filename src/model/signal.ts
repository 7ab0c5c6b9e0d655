/**
 * The names of the standard signals of signal(7) on Linux. SIGIOT, SIGPOLL and SIGUNUSED are aliases and SIGSTKFLT is unused, but Node knows them, so
 * they are accepted too.
 */
export const SIGNAL_NAMES: readonly string[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGIOT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGCHLD',
  'SIGSTKFLT',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPOLL',
  'SIGPWR',
  'SIGSYS',
];

/** The canonical name of a signal, from `int`, `Int`, `sigint` or `SIGINT`; `null` when there is none. Numbers are not names. */
export function signalName(text: string): string | null {
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return KNOWN.has(name) ? name : null;
}

const KNOWN: ReadonlySet<string> = new Set(SIGNAL_NAMES);
