import { describe, expect, it } from 'vitest';
import { type PathReader, pathProblem } from '../../src/model/path-owner.js';

const ME = 1000;
const STRANGER = 1001;
const OWNERS = new Set([0, ME]);

type Entry = readonly [uid: number, mode: number, link?: string];

/** A file system of directories, and links where a target is given. */
function files(entries: Readonly<Record<string, Entry>>): PathReader {
  const entryOf = (path: string): Entry => {
    const entry = ({ '/': [0, 0o755], ...entries } as Record<string, Entry>)[path];
    if (entry === undefined) throw Object.assign(new Error(`ENOENT, ${path}`), { code: 'ENOENT' });
    return entry;
  };
  return {
    lstat: (path) => {
      const [uid, mode, link] = entryOf(path);
      return { uid, mode, isDirectory: () => link === undefined, isSymbolicLink: () => link !== undefined };
    },
    readlink: (path) => entryOf(path)[2] ?? '',
  };
}

const TMP: Entry = [0, 0o1777];

describe('pathProblem', () => {
  it.each<[string, string, Record<string, Entry>]>([
    ['a directory of its own', '/a/s', { '/a': [ME, 0o700], '/a/s': [ME, 0o600] }],
    ['what is not there yet', '/a/b/s', { '/a': [ME, 0o755] }],
    ['its own entry in a sticky directory', '/tmp/s', { '/tmp': TMP, '/tmp/s': [ME, 0o600] }],
    ['the link of root', '/var/run/s', { '/var': [0, 0o755], '/var/run': [0, 0o777, '/run'], '/run': [0, 0o755] }],
    ['a relative link', '/a/l/s', { '/a': [ME, 0o755], '/a/l': [ME, 0o777, '../b'], '/b': [ME, 0o700] }],
  ])('accepts %s', (_what, path, entries) => {
    expect(pathProblem(path, OWNERS, files(entries))).toBeNull();
  });

  it.each<[string, string, Record<string, Entry>, string]>([
    ['a directory that all may write', '/a/s', { '/a': [ME, 0o777] }, 'the directory /a may be written by others'],
    ['one above it', '/a/b/s', { '/a': [0, 0o777], '/a/b': [ME, 0o700] }, 'the directory /a may be written by others'],
    ['one that a group may write', '/a/s', { '/a': [ME, 0o770] }, 'the directory /a may be written by others'],
    ['the directory of a stranger', '/a/s', { '/a': [STRANGER, 0o755] }, '/a belongs to user 1001'],
    ["a stranger's socket", '/tmp/s', { '/tmp': TMP, '/tmp/s': [STRANGER, 0o600] }, '/tmp/s belongs to user 1001'],
    [
      "a stranger's link to what is mine",
      '/tmp/l/s',
      { '/tmp': TMP, '/tmp/l': [STRANGER, 0o777, '/a'], '/a': [ME, 0o700] },
      '/tmp/l belongs to user 1001',
    ],
    [
      'a link into a directory that all may write',
      '/a/l',
      { '/a': [ME, 0o700], '/a/l': [ME, 0o777, '/b/s'], '/b': [0, 0o777], '/b/s': [ME, 0o600] },
      'the directory /b may be written by others',
    ],
    ['links in a circle', '/l', { '/l': [ME, 0o777, '/l'] }, '/l has too many symbolic links'],
  ])('refuses %s', (_what, path, entries, problem) => {
    expect(pathProblem(path, OWNERS, files(entries))).toContain(problem);
  });

  it('does not check the owner where any owner is allowed', () => {
    expect(pathProblem('/a/s', null, files({ '/a': [STRANGER, 0o755] }))).toBeNull();
  });
});
