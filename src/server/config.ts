import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { messageOf, SupertreeError } from '../errors.js';
import type { SupervisorInput } from '../model/input.js';
import { type Problem, problemsText } from '../model/problem.js';
import { validateData } from '../model/validate.js';
import { jsonFault } from './json.js';
import { refuseForeign } from './permissions.js';
import { located } from './positions.js';
import { readSecurity, type SecuritySettings } from './security.js';
import { readSettings, type ServerSettings } from './settings.js';
import { defaultStart, SUPERVISOR_DEFAULTS, withChildDefaults } from './supervisor-defaults.js';
import { camelCase } from './table.js';

/** The content of a tree file. */
export interface ServerConfig {
  readonly tree: SupervisorInput;
  readonly settings: ServerSettings;
  /** If not given, the server has no keys. */
  readonly security?: SecuritySettings;
}

const ROOT = { id: 'root', ...SUPERVISOR_DEFAULTS, children: [] } as const satisfies SupervisorInput;

/** The configuration of a server without a tree file: an empty tree. */
export const EMPTY_CONFIG: ServerConfig = { tree: { ...ROOT, start: 'parallel' }, settings: {} };

/** The path of the root. */
export function rootOf({ tree }: ServerConfig): string {
  return tree.id ?? ROOT.id;
}

/**
 * Reads a tree file: JSON when its name ends in .json, else TOML. Its top-level keys are those of the root supervisor; the table `server` has the
 * server's settings, `security` its keys. A relative `cwd` is relative to the file. Throws FILE_INVALID with line and column, for a syntax error
 * alone, else for every problem; KEY_FILE when it has keys and another user may write it.
 */
export async function loadConfig(file: string): Promise<ServerConfig> {
  const { table, stats, refuse } = await readTable(file);
  const { server, security: given, ...rest } = table;
  if (given !== undefined) refuseForeign(file, stats);
  const directory = dirname(resolve(file));
  const tree = { ...ROOT, ...defaultStart(rest), ...withChildDefaults(rest) };
  const { settings, problems } = readSettings(server);
  const { security, problems: more } = readSecurity(given, { root: String(tree.id), directory, at: 'security' });
  const all = [...problems, ...more, ...validateData(tree).map(inCamelCase)];
  if (all.length > 0) await refuse(all);
  // The data has just been validated against this type.
  const { state } = settings;
  const absolute = { ...settings, ...(state !== undefined && { state: resolve(directory, state) }) };
  const config = { tree: placed(tree, directory) as SupervisorInput, settings: absolute };
  return security === null ? config : { ...config, security };
}

/** Tables of the server accept underscores, tables of the tree do not: the rule for a key with underscores names the camelCase spelling. */
function inCamelCase(problem: Problem): Problem {
  const key = camelCase(/[^.]*$/.exec(problem.path)?.[0] ?? '');
  const known = / known here: (.*)$/.exec(problem.rule)?.[1]?.split(', ');
  return known?.includes(key) ? { ...problem, rule: `must be written ${key}` } : problem;
}

/** A parsed data file. */
export interface TableFile {
  readonly table: Record<string, unknown>;
  /** The file that was read. */
  readonly stats: Stats;
  /** Throws FILE_INVALID with these problems, each with its line and column. */
  readonly refuse: (problems: readonly Problem[]) => Promise<never>;
}

/** Reads a data file: JSON when its name ends in .json, else TOML. Throws FILE_INVALID. */
export async function readTable(file: string): Promise<TableFile> {
  const { text, stats } = await readText(file);
  const data = file.endsWith('.json') ? parseJson(file, text) : parseToml(file, text);
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw fileError(file, 'it must be an object');
  const refuse = async (problems: readonly Problem[]) => {
    const list = await located(file, text, problems);
    throw fileError(file, problemsText(list), list);
  };
  return { table: data as Record<string, unknown>, stats, refuse };
}

async function readText(file: string): Promise<{ readonly text: string; readonly stats: Stats }> {
  try {
    const handle = await open(file);
    try {
      const text = await handle.readFile('utf8');
      return { text: text.replace(/^\uFEFF/, ''), stats: await handle.stat() };
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw new SupertreeError('FILE_INVALID', { file, problem: messageOf(thrown) }, thrown);
  }
}

function parseToml(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [sentence = ''] = thrown.message.split('\n');
    throw syntaxError(file, thrown.line, thrown.column, sentence.replace(/^Invalid TOML document: /, ''), thrown);
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const before = text.slice(0, jsonFault(text)).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw syntaxError(file, before.length, column, messageOf(thrown).split('\n', 1)[0] ?? '', thrown);
  }
}

function syntaxError(file: string, line: number, column: number, text: string, cause: unknown): SupertreeError {
  const problem = `line ${line}, column ${column}: ${text}`;
  return new SupertreeError('FILE_INVALID', { file, problem, line, column }, cause);
}

function fileError(file: string, problem: string, list: readonly Problem[] = []): SupertreeError {
  return new SupertreeError('FILE_INVALID', { file, problem, list });
}

/** The node with every relative `cwd` made absolute. */
function placed(node: unknown, directory: string): unknown {
  if (Array.isArray(node)) return node.map((each) => placed(each, directory));
  if (typeof node !== 'object' || node === null) return node;
  const { cwd, children, pool, agent } = node as Record<string, unknown>;
  return {
    ...node,
    ...(typeof cwd === 'string' && { cwd: resolve(directory, cwd) }),
    ...(children !== undefined && { children: placed(children, directory) }),
    ...(pool !== undefined && { pool: placed(pool, directory) }),
    ...(agent !== undefined && { agent: placed(agent, directory) }),
  };
}
