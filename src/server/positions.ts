import type { AST } from 'toml-eslint-parser';
import type { Problem } from '../model/problem.js';
import { camelCase } from './table.js';

/** A place in a file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The position of a value in a file, with the values in it: by key, list elements by their index. */
export class PositionedValue {
  readonly #inner = new Map<string, PositionedValue>();

  constructor(readonly position: Position) {}

  /** The value of this key; made if there is none yet. */
  at(key: string, position: Position): PositionedValue {
    const known = this.#inner.get(key) ?? new PositionedValue(position);
    this.#inner.set(key, known);
    return known;
  }

  /** The position of the value at `path`; of the innermost enclosing table where it is missing. */
  find(path: string): Position {
    let value: PositionedValue = this;
    for (const key of keysIn(path)) {
      const next = value.#named(key);
      if (next === undefined) break;
      value = next;
    }
    return value.position;
  }

  /** Keys of the tables of a server may be written with underscores. */
  #named(key: string): PositionedValue | undefined {
    return this.#inner.get(key) ?? [...this.#inner].find(([written]) => camelCase(written) === key)?.[1];
  }
}

/** The problems of a file with line and column. */
export async function located(file: string, text: string, problems: readonly Problem[]): Promise<Problem[]> {
  const root = file.endsWith('.json') ? jsonPositions(text) : await tomlPositions(text);
  return problems.map((problem) => ({ ...problem, ...root.find(problem.path) }));
}

/** The keys of a path such as `children[2].env["a b"]`. */
function keysIn(path: string): string[] {
  const keys = path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g);
  return [...keys].map(([, index, quoted, plain]) => index ?? (quoted && String(JSON.parse(quoted))) ?? plain ?? '');
}

const START: Position = { line: 1, column: 1 };

/** The positions of valid TOML. The parser is loaded only for a file that has problems. */
async function tomlPositions(text: string): Promise<PositionedValue> {
  const { parseTOML } = await import('toml-eslint-parser');
  const root = new PositionedValue(START);
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === 'TOMLKeyValue') addToml(root, node);
    else {
      const table = node.resolvedKey.reduce<PositionedValue>(
        (outer, key) => outer.at(String(key), startOf(node)),
        root,
      );
      for (const inner of node.body) addToml(table, inner);
    }
  }
  return root;
}

function addToml(table: PositionedValue, { key, value }: AST.TOMLKeyValue): void {
  const inner = key.keys.reduce((outer, each) => {
    return outer.at(each.type === 'TOMLBare' ? each.name : each.value, startOf(each));
  }, table);
  addTomlContent(inner, value);
}

function addTomlContent(inner: PositionedValue, content: AST.TOMLContentNode): void {
  if (content.type === 'TOMLInlineTable') for (const each of content.body) addToml(inner, each);
  if (content.type !== 'TOMLArray') return;
  for (const [index, each] of content.elements.entries()) {
    addTomlContent(inner.at(String(index), startOf(each)), each);
  }
}

function startOf({ loc }: AST.TOMLNode): Position {
  return { line: loc.start.line, column: loc.start.column + 1 };
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** A list or object that is open while JSON is read: a list counts its elements, an object has its latest key. */
interface Open {
  readonly value: PositionedValue;
  readonly isList: boolean;
  index: number;
  key: { readonly name: string; readonly position: Position } | null;
}

/** The positions of valid JSON. */
function jsonPositions(text: string): PositionedValue {
  const root = new PositionedValue(START);
  const open: Open[] = [];
  const positions = new Positions(text);
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    const inside = open.at(-1);
    if (token === '}' || token === ']') open.pop();
    else if (token === ',' && inside !== undefined) Object.assign(inside, { index: inside.index + 1, key: null });
    else if (token === ':' || token === ',') continue;
    else if (inside?.isList === false && inside.key === null) {
      inside.key = { name: String(JSON.parse(token)), position: positions.of(index) };
    } else {
      const value = jsonValue(inside, positions.of(index)) ?? root;
      if (token === '{' || token === '[') open.push({ value, isList: token === '[', index: 0, key: null });
    }
  }
  return root;
}

function jsonValue(inside: Open | undefined, position: Position): PositionedValue | undefined {
  if (inside === undefined) return undefined;
  if (inside.key === null) return inside.value.at(String(inside.index), position);
  return inside.value.at(inside.key.name, inside.key.position);
}

/** Line and column of growing offsets in a text. */
class Positions {
  readonly #text: string;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  of(offset: number): Position {
    for (;;) {
      const end = this.#text.indexOf('\n', this.#lineStart);
      if (end < 0 || end >= offset) return { line: this.#line, column: offset - this.#lineStart + 1 };
      this.#line += 1;
      this.#lineStart = end + 1;
    }
  }
}
