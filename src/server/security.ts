import { resolve } from 'node:path';
import * as v from 'valibot';
import type { KnownKey } from '../control/access/keyring.js';
import { covers, type Grant } from '../control/access/roles.js';
import { HIDDEN, type Problem } from '../model/problem.js';
import { isKey } from '../protocol/curve.js';
import { keyNameProblem } from '../protocol/key-name.js';
import { ROLES } from '../protocol/operations.js';
import { camelKeys, isUnknownKey, problemOf, tableRule } from './table.js';

/** The `[security]` table of a tree file, or a file of its own for `--keys`. Keys may be written in camelCase or with underscores. */
export interface SecuritySettings {
  /** Absolute path of the server's secret key. */
  readonly secretKeyFile: string;
  /** Each public key once, with all its grants. */
  readonly keys: readonly KnownKey[];
}

/** One `[[keys]]` entry. A key may have several, for several subtrees. */
type Entry = v.InferOutput<typeof ENTRY>;

const text = v.pipe(v.string('must be a string'), v.minLength(1, 'must not be empty'));

const ENTRY = v.strictObject(
  {
    name: v.pipe(
      text,
      v.check(
        (name) => keyNameProblem(name) === null,
        ({ input }) => keyNameProblem(input) ?? '',
      ),
    ),
    public: v.pipe(text, v.check(isKey, 'must be a public key: 40 characters of Z85')),
    roles: v.pipe(
      v.array(v.picklist(ROLES, `must be one of ${ROLES.join(', ')}`), 'must be a list of roles'),
      v.minLength(1, 'must name a role'),
    ),
    subtree: v.exactOptional(text),
  },
  tableRule('must be a table'),
);

const SECURITY = v.strictObject(
  {
    secretKeyFile: text,
    keys: v.exactOptional(v.array(ENTRY, 'must be a list of tables'), []),
  },
  tableRule('must be a table'),
);

/**
 * The settings, and all problems in them. `root` is the path of the tree's root, which is the default subtree of a key; a relative file is relative
 * to `directory`; `at` is put in front of the paths of problems.
 */
export function readSecurity(
  given: unknown,
  { root, directory, at }: { readonly root: string; readonly directory: string; readonly at: string },
): { readonly security: SecuritySettings | null; readonly problems: readonly Problem[] } {
  if (given === undefined) return { security: null, problems: [] };
  const result = v.safeParse(SECURITY, camelKeys(given));
  if (!result.success) return { security: null, problems: result.issues.map((issue) => problemIn(issue, at)) };
  const { secretKeyFile, keys } = result.output;
  const problems = keys.flatMap((entry, index) => problemsOf(entry, index, keys, root).map(prefixed(at)));
  const security = { secretKeyFile: resolve(directory, secretKeyFile), keys: merged(keys, root) };
  return { security: problems.length === 0 ? security : null, problems };
}

/** The problems of an entry in relation to the others. A key is never shown: it may be the secret one by mistake. */
function problemsOf(entry: Entry, index: number, all: readonly Entry[], root: string): Problem[] {
  const at = `keys.${index}`;
  const others = all.slice(0, index);
  const subtree = entry.subtree ?? root;
  return [
    ...(covers(root, subtree)
      ? []
      : [{ path: `${at}.subtree`, rule: `must be ${root} or a path below it`, got: subtree }]),
    ...(others.some(({ name, public: key }) => name === entry.name && key !== entry.public)
      ? [{ path: `${at}.name`, rule: 'must name one public key', got: entry.name }]
      : []),
    ...(others.some(({ name, public: key }) => name !== entry.name && key === entry.public)
      ? [{ path: `${at}.public`, rule: 'must have one name', got: entry.name }]
      : []),
  ];
}

function merged(entries: readonly Entry[], root: string): KnownKey[] {
  const keys = new Map<string, KnownKey & { grants: Grant[] }>();
  for (const { name, public: publicKey, roles, subtree = root } of entries) {
    const known = keys.get(publicKey) ?? { name, publicKey, grants: [] };
    known.grants.push({ roles, subtree });
    keys.set(publicKey, known);
  }
  return [...keys.values()];
}

function prefixed(at: string): (problem: Problem) => Problem {
  return (problem) => ({ ...problem, path: at === '' ? problem.path : `${at}.${problem.path}` });
}

/** The value of a key, or of an unknown field, is not shown: it may be the secret key. */
function problemIn(issue: v.BaseIssue<unknown>, at: string): Problem {
  const problem = problemOf(issue, at, 'security');
  const secret = isUnknownKey(issue) || (problem.path.endsWith('public') && issue.input !== undefined);
  return secret ? { ...problem, got: HIDDEN } : problem;
}
