import { describe, expect, it } from 'vitest';
import { compileFilter } from '../../src/control/filter.js';

const LINES = ['e 8', 'e 13', 'E 1234', 'tab\there', 'ünï', '{"a":{}}', 'a-b_c', 'x{,3}', 'xxx', 'a]', '\\d', 'a\rc'];

/** The lines that a filter finds, or why it is none. */
function found(text: string): string | readonly string[] {
  const filter = compileFilter(text);
  if ('problem' in filter) return filter.problem;
  if (!('source' in filter)) return LINES.filter((line) => line.includes(filter.text));
  return LINES.filter((line) => new RegExp(filter.source, filter.flags).test(line));
}

describe('a filter', () => {
  it.each([
    ['e 8', ['e 8']],
    ['^e \\d+$', ['e 8', 'e 13']],
    ['(?i)^e 1', ['e 13', 'E 1234']],
    ['^(?P<one>.)\\k<one>', ['xxx']],
    ['\\Ae 8\\z', ['e 8']],
    ['8\\Z', ['e 8']],
    ['(?m)\\A8', []],
    ['[[:digit:]]{4}', ['E 1234']],
    ['^[[:upper:][:space:]]', ['E 1234']],
    ['^[^[:alpha:]]', ['ünï', '{"a":{}}', '\\d']],
    ['^[[:^alpha:]]', ['ünï', '{"a":{}}', '\\d']],
    ['[[:punct:]]b', ['a-b_c']],
    ['[[:cntrl:]]', ['tab\there', 'a\rc']],
    ['^\\pL\\PL', ['e 8', 'e 13', 'E 1234', 'a-b_c', 'x{,3}', 'a]', 'a\rc']],
    ['^\\x{65} \\u{38}', ['e 8']],
    ['^x{,3}$', ['xxx']],
    ['^x{3}$', ['xxx']],
    ['{"a":', ['{"a":{}}']],
    ['{}}$', ['{"a":{}}']],
    ['a]$', ['a]']],
    ['e\\ 8', ['e 8']],
    ['a\\-b\\_c', ['a-b_c']],
    ['[\\-\\_]b', ['a-b_c']],
    ['\\{\\"a\\"', ['{"a":{}}']],
    ['[{}]$', ['{"a":{}}', 'x{,3}']],
    ['[\\[\\]]$', ['a]']],
    ['^a.c$', ['a\rc']],
    ['(?s)^a.c$', ['a\rc']],
    ['^a[.]c$', []],
    ['^a-b', ['a-b_c']],
    ['^\\\\d', ['\\d']],
  ])('finds with %s what is meant', (text, lines) => {
    expect(found(text)).toEqual(lines);
  });

  it.each([
    ['\\Qe 8\\E', '\\Q'],
    ['\\a', '\\a'],
    ['e\\h8', '\\h'],
    ['[\\z]', '\\z'],
    ['[[:nope:]]', '[:nope:]'],
    ['[:digit:]', '[:digit:]'],
    ['[]a]', '[]'],
    ['[a&&b]', '&&'],
    ['[a-z--[aeiou]]', '--'],
    ['[a-g~~b-h]', '~~'],
    ['[a[b]]', '['],
  ])('tells for %s what means nothing in it', (text, unknown) => {
    expect(found(text)).toMatch(`must be a regular expression without ${unknown}: filters are those of JavaScript`);
  });

  it.each(['(?x)e', 'a(?i)b', '(?>a)', 'a++', '(', '[z-a]', '(?#c)e', '(?ii)e', '\\1', '\\pq', 'e\\'])(
    'tells for %s what the engine says, and not the pattern once more',
    (text) => {
      expect(found(text)).toMatch(
        /^must be a regular expression \((?!Invalid regular).+\): filters are those of JavaScript/,
      );
    },
  );
});
