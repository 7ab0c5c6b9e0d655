import type { Logger } from 'pino';
import { createTree } from '../actors/tree.js';
import type { TreeEnd } from '../contract/view.js';
import type { Actions } from '../control/actions.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import type { DriverName } from '../model/driver-name.js';
import { type Report, toText } from '../model/report.js';
import { auditTo, auditToFile } from './audit-log.js';
import { EMPTY_CONFIG, loadConfig, rootOf, type ServerConfig } from './config.js';
import { loadSecurity } from './keys.js';
import { createLog, type LineSink, standardSink } from './log.js';
import { openDoors } from './open-doors.js';
import { openFilesWarning } from './open-files.js';
import { located } from './origin.js';
import { createServer, type Server } from './server.js';
import type { ServerSettings } from './settings.js';
import { openState, type State } from './state.js';

export interface ServeOptions {
  /** A tree file. If not given, an empty tree. */
  readonly file?: string;
  /** Replaces all endpoints of the file. If not given, those of the file, else the defaults. */
  readonly endpoint?: string;
  /** Replaces all pub endpoints of the file. If not given, those of the file, else beside the endpoints. */
  readonly pubEndpoint?: string;
  /** If not given, that of the file, else 1000. */
  readonly maxAgents?: number;
  /** Runs the commands. If not given, that of the file, else keeper where it can run, else local. */
  readonly driver?: DriverName;
  /**
   * A state directory: when this process is killed, its agents run on, and the next server with this directory takes them over. Not with the driver `local`.
   * If not given, that of the file, else none: the agents end with this process.
   */
  readonly state?: string;
  /** A file with the keys, instead of the table `security` of the tree file. */
  readonly keys?: string;
  /** A file for the audit log. If not given, audit lines go to `out`. */
  readonly audit?: string;
  /** Binds tcp endpoints that other machines can reach, and as root any tcp endpoint, without keys. If not given, they are refused. */
  readonly insecure?: boolean;
  /** Actions of `custom_action` besides the built-in ones. If not given, none. */
  readonly actions?: Actions;
  /** The log of the tree and the endpoints. If not given, standard output. */
  readonly out?: LineSink;
  /** The log of the server's own errors and warnings. If not given, standard error. */
  readonly err?: LineSink;
}

/**
 * Runs a server in the foreground until SIGINT, SIGTERM, SIGHUP, SIGQUIT or SIGUSR2 stops it, or until its tree has failed. Resolves with the exit
 * code: 0 when it was stopped, 1 when the tree failed or a process could not be ended. Rejects, with nothing started, FILE_INVALID, ENDPOINT_IN_USE,
 * ENDPOINT_INVALID, ENDPOINT_UNUSABLE, ENDPOINT_EXPOSED, KEY_FILE, AUDIT_FILE, PROCESS_LIMIT. A program that serves many pending requests should run with
 * `node --no-allocation-site-pretenuring --max-semi-space-size=2 --initial-old-space-size=12 --heap-growing-percent=30`, as the command line does: otherwise V8
 * may make later requests slower, and keep more memory.
 */
export async function serve(options: ServeOptions = {}): Promise<number> {
  const out = options.out ?? standardSink(process.stdout, (thrown) => failed(thrown));
  const log = createLog(out);
  // When one stream cannot be written, the other one reports it.
  const err = options.err ?? standardSink(process.stderr, (thrown) => log.error(asSupertreeError(thrown).toLine()));
  const errorLog = createLog(err);
  const failed = (thrown: unknown) => errorLog.error(asSupertreeError(thrown).toLine());
  const config = await configOf(options);
  const audit = options.audit === undefined ? auditTo(log) : auditToFile(options.audit);
  const { insecure = false, actions = {} } = options;
  const state = await stateOf(config, (problem) => errorLog.warn(problem));
  const create: typeof createTree = (input, treeOptions) =>
    createTree(input, { ...treeOptions, ...(state !== null && { driver: state.driver, store: state.store }) });
  const server = await createServer({
    config,
    createTree: create,
    failed,
    audit: audit.note,
    insecure,
    actions,
  }).catch((thrown: unknown) => {
    state?.close();
    throw located(thrown, options.file, ofFile(config, options));
  });
  const unsubscribe = server.tree.subscribe((report) => logReport(log, out.terminal, report));
  const signals = onSignals(server, log);
  for (const warning of warningsOf(config, server)) errorLog.warn(warning);
  try {
    logEndpoints(server, log);
    return await run(server, log, failed);
  } finally {
    unsubscribe();
    signals.undo();
    audit.close(failed);
    state?.close();
  }
}

async function configOf(options: ServeOptions): Promise<ServerConfig> {
  const config = withFlags(options.file === undefined ? EMPTY_CONFIG : await loadConfig(options.file), options);
  if (options.keys === undefined) return config;
  return { ...config, security: await loadSecurity(options.keys, rootOf(config)) };
}

/** The state directory of the settings; `null` without one. */
async function stateOf(config: ServerConfig, report: (problem: string) => void): Promise<State | null> {
  const { state, driver } = config.settings;
  if (state === undefined) return null;
  if (driver === 'local')
    throw new SupertreeError('OPTION_INVALID', { option: 'state', rule: NEEDS_KEEPER, got: state });
  return openState(state, { tree: rootOf(config), report });
}

const NEEDS_KEEPER = 'must not be given with the driver local, whose agents end with the server or are lost';

/** Warnings about the configuration. */
function warningsOf({ security }: ServerConfig, { endpoints, pubEndpoints }: Server): readonly string[] {
  const files = openFilesWarning();
  return [...(files === null ? [] : [files]), ...(security === undefined ? openDoors(endpoints, pubEndpoints) : [])];
}

function logEndpoints({ endpoints, pubEndpoints, serverId }: Server, log: Logger): void {
  for (const endpoint of endpoints) log.info({ endpoint, serverId }, `listening on ${endpoint}`);
  for (const pubEndpoint of pubEndpoints) log.info({ pubEndpoint, serverId }, `publishing on ${pubEndpoint}`);
}

/** Starts the tree, waits for its end, then stops the server. */
async function run(server: Server, log: Logger, failed: (thrown: unknown) => void): Promise<number> {
  // A tree that cannot start ends, and its end has the reason, which is logged below. SUPERSEDED means that it was stopped meanwhile.
  const notStarted = (thrown: unknown) => asSupertreeError(thrown).code === 'SUPERSEDED' || failed(thrown);
  server.tree.start().then(() => log.info(`${server.tree.path} is up`), notStarted);
  const end = await server.tree.ended;
  await server.stop();
  log.info({ ...end }, endSentence(end));
  return end.clean && end.left.length === 0 ? 0 : 1;
}

function endSentence(end: TreeEnd): string {
  const left = end.left.length === 0 ? '' : `; could not be ended: ${end.left.join(', ')}`;
  return end.clean ? `stopped${left}` : `gave up: ${end.reason}${left}`;
}

function withFlags(config: ServerConfig, options: ServeOptions): ServerConfig {
  const { endpoint, pubEndpoint, maxAgents, driver, state } = options;
  const flags = {
    ...(endpoint !== undefined && { endpoints: [endpoint] }),
    ...(pubEndpoint !== undefined && { pubEndpoints: [pubEndpoint] }),
    ...(maxAgents !== undefined && { maxAgents }),
    ...(driver !== undefined && { driver }),
    ...(state !== undefined && { state }),
  };
  return { ...config, settings: { ...config.settings, ...flags } };
}

/** The settings of the file that no flag replaces. */
function ofFile({ settings }: ServerConfig, { endpoint, pubEndpoint }: ServeOptions): ServerSettings {
  const { endpoints, pubEndpoints, ...rest } = settings;
  return {
    ...rest,
    ...(endpoint === undefined && endpoints !== undefined && { endpoints }),
    ...(pubEndpoint === undefined && pubEndpoints !== undefined && { pubEndpoints }),
  };
}

/** Reports that a person at a terminal does not need while the tree runs. A program gets them all. */
const NOT_ON_TERMINALS: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'created',
  'removed',
  'state',
  'substate',
  'health',
  'dead-letter',
]);

function logReport(log: Logger, terminal: boolean, report: Report): void {
  if (terminal && NOT_ON_TERMINALS.has(report.type)) return;
  log[LEVEL_OF[report.type] ?? 'info']({ report }, toText(report));
}

const LEVEL_OF: Readonly<Partial<Record<Report['type'], 'warn' | 'error'>>> = {
  restarting: 'warn',
  exhausted: 'error',
  zombie: 'error',
  error: 'error',
  limit: 'warn',
  'port-conflict': 'warn',
};

/** A second signal within so many ms is a copy of the first one: npm forwards the SIGINT of a terminal to a process that already had it. */
const REPEAT_WINDOW = 1_000;

/**
 * A closed terminal or a broken connection sends SIGHUP; Ctrl-\ sends SIGQUIT; nodemon and others send SIGUSR2 to restart. Agents have process groups
 * of their own and get none of them: a server that died of one would leave them all behind. Node resets an ignored SIGHUP (nohup) when it starts.
 */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const;

/** The first signal stops the tree in reverse order, a later one kills the processes that are left. */
function onSignals(server: Server, log: Logger): { undo: () => void } {
  let first: number | null = null;
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === null) {
      first = now;
      log.info(`${signal}: stopping everything in reverse order`);
      void server.stop();
    } else if (now - first >= REPEAT_WINDOW) {
      log.warn(`${signal} again: killing the processes that are left`);
      void server.stop({ brutal: true });
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  const undo = () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
  return { undo };
}
