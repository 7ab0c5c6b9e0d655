import { describe, expect, it } from 'vitest';
import { fromLater, merged } from '../../src/client/merge.js';

type Answer = IteratorResult<string> | Error;

/** A source that is told what to answer, before or after it is asked. */
class Source implements AsyncIterableIterator<string> {
  asked = 0;
  isAbandoned = false;
  readonly #answers: Answer[] = [];
  readonly #waiting: ((answer: Answer) => void)[] = [];

  async next(): Promise<IteratorResult<string>> {
    this.asked++;
    const answer = this.#answers.shift() ?? (await new Promise<Answer>((resolve) => this.#waiting.push(resolve)));
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async return(): Promise<IteratorResult<string>> {
    this.isAbandoned = true;
    for (const take of this.#waiting.splice(0)) take(OVER);
    return OVER;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  settle(what: string | Error | null): void {
    const answer = typeof what === 'string' ? { done: false as const, value: what } : (what ?? OVER);
    const take = this.#waiting.shift();
    if (take !== undefined) take(answer);
    else this.#answers.push(answer);
  }
}

const OVER = { done: true, value: undefined } as const;

const later = () => new Promise((resolve) => setImmediate(resolve));

const of = (result: IteratorResult<string>) => (result.done ? 'over' : result.value);

describe('merged iterators', () => {
  it('are not started before the first item is taken', async () => {
    const [a, b] = [new Source(), new Source()];
    const items = merged([a, b]);
    await later();
    expect([a.asked, b.asked]).toEqual([0, 0]);
    const first = items.next();
    await later();
    expect([a.asked, b.asked]).toEqual([1, 1]);
    b.settle('b0');
    expect(of(await first)).toBe('b0');
  });

  it('give each item once to several takers, in the order in which they asked', async () => {
    const [a, b] = [new Source(), new Source()];
    const items = merged([a, b]);
    const taken = Promise.all([items.next(), items.next(), items.next(), items.next(), items.next()]);
    for (const answer of ['a0', 'a1', 'a2', null]) {
      a.settle(answer);
      await later();
    }
    b.settle('b0');
    await later();
    b.settle(null);
    expect((await taken).map(of)).toEqual(['a0', 'a1', 'a2', 'b0', 'over']);
  });

  it('that fail without a waiting consumer reject the next one only; the others are abandoned', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (thrown: unknown) => unhandled.push(thrown);
    process.on('unhandledRejection', onUnhandled);
    const [a, b] = [new Source(), new Source()];
    const items = merged([a, b]);
    const first = items.next();
    a.settle('a0');
    a.settle(new Error('away'));
    expect(of(await first)).toBe('a0');
    b.settle(new Error('away too'));
    for (let n = 0; n < 5; n++) await later();
    await expect(items.next()).rejects.toThrow(/^away/);
    expect([a.isAbandoned, b.isAbandoned]).toEqual([true, true]);
    expect(await items.next()).toEqual(OVER);
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it('that are abandoned unread, or with a waiting consumer, end', async () => {
    const unread = [new Source(), new Source()];
    expect(await merged(unread).return?.()).toEqual(OVER);
    expect(unread.map(({ asked, isAbandoned }) => [asked, isAbandoned])).toEqual([
      [0, true],
      [0, true],
    ]);
    const read = [new Source(), new Source()];
    const items = merged(read);
    const pending = items.next();
    await later();
    await items.return?.();
    expect([await pending, await items.next()]).toEqual([OVER, OVER]);
  });
});

describe('an iterator whose source is known later', () => {
  it('throws the reason of its signal when that aborts before', async () => {
    const unknown = new Promise<string>(() => {});
    const controller = new AbortController();
    const items = fromLater(unknown, () => new Source(), controller.signal);
    const first = items.next();
    controller.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await expect(fromLater(unknown, () => new Source(), controller.signal).next()).rejects.toThrow('enough');
    await items.return?.();
  });
});
