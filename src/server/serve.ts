import type { Logger } from 'pino';
import { createTree } from '../actors/tree.js';
import type { TreeEnd } from '../contract/view.js';
import type { Actions } from '../control/actions.js';
import { asSupertreeError } from '../errors.js';
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

export interface ServeOptions {
  /** A tree file. If not given, an empty tree. */
  readonly file?: string;
  /** Replaces all endpoints of the file. If not given, those of the file, else the defaults. */
  readonly endpoint?: string;
  /** Replaces all pub endpoints of the file. If not given, those of the file, else beside the endpoints. */
  readonly pubEndpoint?: string;
  /** If not given, that of the file, else 1000. */
  readonly maxAgents?: number;
  /** A file with the keys, instead of the table `security` of the tree file. */
  readonly keys?: string;
  /** A file for the audit log. If not given, it is among what is told. */
  readonly audit?: string;
  /** Binds tcp endpoints that other machines can reach, and as root any, without keys. If not given, they are refused. */
  readonly insecure?: boolean;
  /** What `custom_action` can do beyond the built-in actions. If not given, nothing. */
  readonly actions?: Actions;
  /** Where the tree and the endpoints are told. If not given, standard output. */
  readonly out?: LineSink;
  /** Where the server's own troubles are told. If not given, standard error. */
  readonly err?: LineSink;
}

/**
 * Runs a server in the foreground until it is told to stop by SIGINT, SIGTERM, SIGHUP, SIGQUIT or SIGUSR2, or until its tree has given up. Resolves with the
 * exit code: 0 when it was stopped, 1 when the tree gave up or something could not be ended. Rejects, with nothing started,
 * FILE_INVALID, ENDPOINT_IN_USE, ENDPOINT_INVALID, ENDPOINT_UNUSABLE, ENDPOINT_EXPOSED, KEY_FILE, AUDIT_FILE.
 */
export async function serve(options: ServeOptions = {}): Promise<number> {
  const out = options.out ?? standardSink(process.stdout, (thrown) => failed(thrown));
  const told = createLog(out);
  // Where one of the two cannot be written, the other one says so.
  const err = options.err ?? standardSink(process.stderr, (thrown) => told.error(asSupertreeError(thrown).toLine()));
  const troubles = createLog(err);
  const failed = (thrown: unknown) => troubles.error(asSupertreeError(thrown).toLine());
  const config = await configOf(options);
  const audit = options.audit === undefined ? auditTo(told) : auditToFile(options.audit);
  const { insecure = false, actions = {} } = options;
  const server = await createServer({ config, createTree, failed, audit: audit.note, insecure, actions }).catch(
    (thrown: unknown) => {
      throw located(thrown, options.file, ofFile(config, options));
    },
  );
  const unsubscribe = server.tree.subscribe((report) => tell(told, out.terminal, report));
  const signals = onSignals(server, told);
  for (const warning of warningsOf(config, server)) troubles.warn(warning);
  try {
    tellEndpoints(server, told);
    return await run(server, told, failed);
  } finally {
    unsubscribe();
    signals.undo();
    audit.close(failed);
  }
}

async function configOf(options: ServeOptions): Promise<ServerConfig> {
  const config = withFlags(options.file === undefined ? EMPTY_CONFIG : await loadConfig(options.file), options);
  if (options.keys === undefined) return config;
  return { ...config, security: await loadSecurity(options.keys, rootOf(config)) };
}

/** What an operator should know before anything goes wrong. */
function warningsOf({ security }: ServerConfig, { endpoints, pubEndpoints }: Server): readonly string[] {
  const files = openFilesWarning();
  return [...(files === null ? [] : [files]), ...(security === undefined ? openDoors(endpoints, pubEndpoints) : [])];
}

function tellEndpoints({ endpoints, pubEndpoints, serverId }: Server, told: Logger): void {
  for (const endpoint of endpoints) told.info({ endpoint, serverId }, `listening on ${endpoint}`);
  for (const pubEndpoint of pubEndpoints) told.info({ pubEndpoint, serverId }, `publishing on ${pubEndpoint}`);
}

/** Starts the tree, waits for its end, lets go of everything. */
async function run(server: Server, told: Logger, failed: (thrown: unknown) => void): Promise<number> {
  // A tree that cannot start ends, and its end says why: the rejection itself says no more. That it was stopped meanwhile is no trouble.
  const notStarted = (thrown: unknown) => asSupertreeError(thrown).code === 'SUPERSEDED' || failed(thrown);
  server.tree.start().then(() => told.info(`${server.tree.path} is up`), notStarted);
  const end = await server.tree.ended;
  await server.stop();
  told.info({ ...end }, farewell(end));
  return end.clean && end.left.length === 0 ? 0 : 1;
}

function farewell(end: TreeEnd): string {
  const left = end.left.length === 0 ? '' : `; could not be ended: ${end.left.join(', ')}`;
  return end.clean ? `stopped${left}` : `gave up: ${end.reason}${left}`;
}

function withFlags(config: ServerConfig, { endpoint, pubEndpoint, maxAgents }: ServeOptions): ServerConfig {
  const flags = {
    ...(endpoint !== undefined && { endpoints: [endpoint] }),
    ...(pubEndpoint !== undefined && { pubEndpoints: [pubEndpoint] }),
    ...(maxAgents !== undefined && { maxAgents }),
  };
  return { ...config, settings: { ...config.settings, ...flags } };
}

/** What is not from the command line. */
function ofFile({ settings }: ServerConfig, { endpoint, pubEndpoint }: ServeOptions): ServerSettings {
  const { endpoints, pubEndpoints, ...rest } = settings;
  return {
    ...rest,
    ...(endpoint === undefined && endpoints !== undefined && { endpoints }),
    ...(pubEndpoint === undefined && pubEndpoints !== undefined && { pubEndpoints }),
  };
}

/** Reports that say the same again, or that a person has no use for while the tree runs. A program gets them all. */
const QUIET: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'created',
  'removed',
  'state',
  'substate',
  'health',
  'dead-letter',
]);

function tell(told: Logger, terminal: boolean, report: Report): void {
  if (terminal && QUIET.has(report.type)) return;
  told[LEVEL_OF[report.type] ?? 'info']({ report }, toText(report));
}

const LEVEL_OF: Readonly<Partial<Record<Report['type'], 'warn' | 'error'>>> = {
  restarting: 'warn',
  exhausted: 'error',
  zombie: 'error',
  error: 'error',
  limit: 'warn',
  'port-conflict': 'warn',
};

/** A second signal sooner than this, in ms, is the first one again: npm hands the SIGINT of a terminal on to one that already had it. */
const AGAIN = 1_000;

/**
 * A terminal that is closed, or a connection that breaks, sends SIGHUP; Ctrl-\ sends SIGQUIT. Agents have process groups of their own and
 * get neither: a server that died of them would leave them all behind, as of SIGUSR2, with which nodemon and others restart. That SIGHUP was ignored for it (nohup) Node undoes at its start.
 */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const;

/** The first signal stops the tree in reverse order, a later one ends what is left by force. */
function onSignals(server: Server, told: Logger): { undo: () => void } {
  let first: number | null = null;
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === null) {
      first = now;
      told.info(`${signal}: stopping everything in reverse order`);
      void server.stop();
    } else if (now - first >= AGAIN) {
      told.warn(`${signal} again: ending what is left by force`);
      void server.stop({ brutal: true });
    }
  };
  for (const signal of STOPPING) process.on(signal, listener);
  const undo = () => {
    for (const signal of STOPPING) process.off(signal, listener);
  };
  return { undo };
}
