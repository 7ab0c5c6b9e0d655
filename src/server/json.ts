/** The position of a syntax error in JSON: the index of the first character that no JSON text could have there. */
export function jsonFault(text: string): number {
  return new Reader(text).fault();
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR =
  /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\x7f|[\x80-\x9f])*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end';

/** Parses JSON (RFC 8259) with an explicit stack, so that depth is not limited, and only to find the position of a syntax error. */
class Reader {
  readonly #text: string;
  readonly #open: ('[' | '{')[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fault(): number {
    let expected: Expected | null = 'value';
    while (expected !== null) {
      this.#skip(SPACE);
      expected = this.#step(expected);
    }
    return this.#at;
  }

  /** The token that must come next; `null` when the present one is a syntax error. */
  #step(expected: Expected): Expected | null {
    const char = this.#text[this.#at] ?? '';
    switch (expected) {
      case 'value':
      case 'value or ]':
        return char === ']' && expected === 'value or ]' ? this.#close() : this.#value(char);
      case 'key':
      case 'key or }':
        if (char === '}' && expected === 'key or }') return this.#close();
        return char === '"' && this.#skip(SCALAR) ? 'colon' : null;
      case 'colon':
        return this.#take(char === ':', 'value');
      case 'comma or end':
        return this.#after(char);
    }
  }

  #value(char: string): Expected | null {
    if (char === '[' || char === '{') {
      this.#open.push(char);
      return this.#take(true, char === '[' ? 'value or ]' : 'key or }');
    }
    return this.#skip(SCALAR) ? 'comma or end' : null;
  }

  #after(char: string): Expected | null {
    const inside = this.#open.at(-1);
    if (inside === undefined) return null;
    if (char === (inside === '[' ? ']' : '}')) return this.#close();
    return this.#take(char === ',', inside === '[' ? 'value' : 'key');
  }

  #close(): Expected {
    this.#open.pop();
    this.#at++;
    return 'comma or end';
  }

  #take(fits: boolean, next: Expected): Expected | null {
    if (!fits) return null;
    this.#at++;
    return next;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return false;
    this.#at += found[0].length;
    return true;
  }
}
