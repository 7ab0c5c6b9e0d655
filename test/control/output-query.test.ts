import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileFilter, Filters } from '../../src/control/filter.js';
import type { FakeAgent } from '../transport/fake-tree.js';
import { createRig, type Rig, request } from '../transport/rig.js';

let rig: Rig;
let web: FakeAgent;

beforeEach(async () => {
  rig = await createRig();
  web = rig.tree.member('web');
  for (let n = 0; n < 100; n++) {
    web.print('stdout', `line ${n}\n`);
    if (n % 10 === 0) web.print('stderr', `Error ${n}\r\n`);
  }
});

afterEach(() => rig.close());

const query = (stream: string, more: object = {}) =>
  request(rig, { type: 'output_query_request', request_id: 'q', agent_id: web.uuid, stream, ...more });

/** A pattern and a line that backtracking never finishes. */
const EVIL = '^(a+)+$';
const FOREVER = `${'a'.repeat(60)}!\n`;

describe('output_query_request', () => {
  it('answers the lines of one stream or both, without line ends, with totals', async () => {
    const stderr = await query('stderr');
    expect(stderr).toMatchObject({ type: 'output_query_response', success: true, total_lines: 10, has_more: false });
    expect((stderr.lines as string[]).slice(0, 2)).toEqual(['Error 0', 'Error 10']);
    expect(await query('stdout')).toMatchObject({ total_lines: 100 });
    expect(await query('both')).toMatchObject({ total_lines: 110 });
  });

  it('pages through matching lines with limit and offset', async () => {
    const page = (offset: number | null, limit: number | null) =>
      query('stdout', { filter: '^line \\d5$', offset, limit });
    expect(await page(null, null)).toMatchObject({ total_lines: 9, has_more: false });
    expect(await page(0, 2)).toMatchObject({ lines: ['line 15', 'line 25'], total_lines: 9, has_more: true });
    expect(await page(8, 2)).toMatchObject({ lines: ['line 95'], total_lines: 9, has_more: false });
    expect(await page(50, 2)).toMatchObject({ lines: [], total_lines: 9, has_more: false });
    expect(await page(0, 0)).toMatchObject({ lines: [], has_more: true });
  });

  it('destroys nothing: the same query gives the same answer, and other readers see every line', async () => {
    const first = await query('both', { filter: 'Error' });
    expect(await query('both', { filter: 'Error' })).toEqual(first);
    const read = { type: 'control_command', request_id: 'c', agent_id: web.uuid, command_type: 'read_stdout' };
    expect(await request(rig, read)).toMatchObject({ data: { bytes: 7, seq: 0 } });
  });

  it('understands the spelling of other languages', async () => {
    for (const filter of ['(?i)ERROR [13]0', '(?i)error (?P<n>[13])0', '^Error [13]0$']) {
      expect(await query('both', { filter })).toMatchObject({ lines: ['Error 10', 'Error 30'], total_lines: 2 });
    }
  });

  it.each([
    ['(', 'output_query_request.filter must be a regular expression ('],
    ['x'.repeat(1_001), 'output_query_request.filter must have at most 1000 characters'],
    ['[z-a]', 'out of order'],
  ])('names what is wrong with the filter %j', async (filter, problem) => {
    expect(await query('both', { filter })).toMatchObject({
      type: 'output_query_response',
      success: false,
      lines: [],
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining(problem),
    });
  });

  it('ends a filter that would never end, serves other peers meanwhile, and filters again afterwards', async () => {
    web.print('stdout', FOREVER);
    const evil = Promise.all([1, 2].map(() => query('stdout', { filter: EVIL })));
    // Plain text needs no thread, and neither does any other request.
    expect(await query('stdout', { filter: 'line 99' })).toMatchObject({ lines: ['line 99'] });
    expect(await request(rig, ['health_check_request', 'h'])).toMatchObject({ healthy: true });
    for (const reply of await evil) {
      expect(reply).toMatchObject({
        success: false,
        code: 'FILTER_SLOW',
        error: 'The filter ^(a+)+$ was not done within 1000 ms.',
      });
    }
    expect(await query('stdout', { filter: '^line 9\\d' })).toMatchObject({ total_lines: 10 });
  });

  it('fits its answer into one message and says that there is more', async () => {
    for (let n = 0; n < 120; n++) web.print('stdout', `${'y'.repeat(65_000)}\n`);
    const first = await query('stdout', { filter: 'yyy' });
    expect(first).toMatchObject({ success: true, total_lines: 120, has_more: true });
    const { length } = first.lines as string[];
    const rest = await query('stdout', { filter: 'yyy', offset: length });
    expect(length + (rest.lines as string[]).length).toBe(120);
    expect(rest).toMatchObject({ has_more: false });
  });
});

describe('filters', () => {
  const compiled = (text: string) => {
    const filter = compileFilter(text);
    if ('problem' in filter) throw new Error(filter.problem);
    return filter;
  };
  const slow = compiled(EVIL);
  const forever = () => [FOREVER.trim()];

  it('reject a search that waits too long for its turn as not begun', async () => {
    const filters = new Filters({ work: 20_000, wait: 300, workers: 1 });
    const working = filters.search('a', slow, forever).catch((thrown: unknown) => thrown);
    await expect(filters.search('a', slow, forever)).rejects.toMatchObject({
      code: 'FILTER_QUEUED',
      message: 'The filter ^(a+)+$ was not started: other filters took all of its 300 ms.',
    });
    await filters.close();
    expect(await working).toMatchObject({ code: 'FILTER_SLOW' });
  });

  it('of one peer do not block those of another, and above the limit get an error', async () => {
    const filters = new Filters({ work: 20_000, wait: 20_000, workers: 2, perPeer: 12 });
    const many = Promise.allSettled(Array.from({ length: 12 }, () => filters.search('greedy', slow, forever)));
    await expect(filters.search('greedy', slow, forever)).rejects.toMatchObject({
      code: 'FILTER_LIMIT',
      details: { count: 12, max: 12 },
    });
    let taken = 0;
    const take = () => {
      taken++;
      return ['aab', 'b'];
    };
    await expect(filters.search('honest', compiled('a.b$'), take)).resolves.toEqual(['aab']);
    expect(taken).toBe(1);
    await filters.close();
    expect((await many).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('continue after an error of `take`, and copy no lines before their turn', async () => {
    const filters = new Filters({ work: 20_000, wait: 300, workers: 1 });
    const gone = () => {
      throw new Error('the agent is gone');
    };
    await expect(filters.search('a', slow, gone)).rejects.toThrow('the agent is gone');
    await expect(filters.search('a', compiled('a.b$'), () => ['aab'])).resolves.toEqual(['aab']);
    let taken = false;
    const working = filters.search('a', slow, forever).catch((thrown: unknown) => thrown);
    const waiting = filters.search('a', slow, () => {
      taken = true;
      return [];
    });
    await expect(waiting).rejects.toMatchObject({ code: 'FILTER_QUEUED' });
    expect(taken).toBe(false);
    await filters.close();
    await working;
  });

  it('that are closed while they work reject, and end their threads', async () => {
    const filters = new Filters({ work: 20_000, wait: 20_000 });
    const searches = ['a', 'b', 'c'].map((peer) => filters.search(peer, slow, forever));
    const settled = Promise.allSettled(searches);
    await filters.close();
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
  });
});
