import { describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import type { LineView, LogsPage, ParamsOf } from '../../src/protocol/operations.js';
import { begin, row, supertree } from './fake-host.js';

const bytesOf = ({ data }: ParamsOf<'send'>) => ({ bytes: data.length });

function line(seq: number, stream: 'stdout' | 'stderr', text: string, changes: Partial<LineView> = {}): LineView {
  return { seq, stream, at: 1_000 + seq, partial: false, text, ...changes };
}

function page(lines: readonly LineView[], dropped = 0): LogsPage {
  return { lines, dropped, next: { stdout: 9, stderr: 9 } };
}

describe('supertree send', () => {
  it('sends a text with a newline behind it and says nothing', async () => {
    const result = await supertree(['send', 'web', 'hello'], { answers: { send: bytesOf } });
    expect(result).toMatchObject({ code: 0, out: '', err: '' });
    expect(result.seen).toEqual([{ name: 'send', params: { agent: 'web', data: 'hello\n', end: false } }]);
  });

  it('takes a text that begins with a dash behind --', async () => {
    const result = await supertree(['send', 'web', '--', '--json'], { answers: { send: bytesOf } });
    expect(result.seen[0]?.params).toMatchObject({ data: '--json\n' });
  });

  it('passes standard input on byte for byte, the next piece only when the one before was taken', async () => {
    const pieces = [Buffer.from([0, 255, 10]), Buffer.from([13, 200]), Buffer.from('end')];
    let busy = 0;
    const send = async (params: ParamsOf<'send'>) => {
      busy += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(busy).toBe(1);
      busy -= 1;
      return bytesOf(params);
    };
    const result = await supertree(['send', 'web'], { answers: { send }, stdin: pieces });
    expect(result.code).toBe(0);
    expect(result.seen.map(({ params }) => (params as ParamsOf<'send'>).data)).toEqual(pieces);
    expect(result.seen.every(({ params }) => !(params as ParamsOf<'send'>).end)).toBe(true);
  });

  it('closes the input of the agent after the data with --end', async () => {
    const result = await supertree(['send', 'web', '--end'], { answers: { send: bytesOf }, stdin: [Buffer.from('x')] });
    expect(result.seen[1]?.params).toEqual({ agent: 'web', data: new Uint8Array(), end: true });
    const text = await supertree(['send', 'web', 'bye', '--end'], { answers: { send: bytesOf } });
    expect(text.seen[0]?.params).toEqual({ agent: 'web', data: 'bye\n', end: true });
  });

  it('asks for the agent even when standard input is empty', async () => {
    const send = () => Promise.reject(new SupertreeError('AGENT_NOT_FOUND', { agent: 'ghost' }));
    const result = await supertree(['send', 'ghost'], { answers: { send } });
    expect(result.code).toBe(1);
    expect(result.err).toMatch(/^AGENT_NOT_FOUND/);
  });

  it('waits with standard input until an agent that is behind reads again, and loses nothing', async () => {
    let refusals = 3;
    const taken: Uint8Array[] = [];
    const send = ({ data }: ParamsOf<'send'>) => {
      if (refusals-- > 0) throw new SupertreeError('STDIN_FULL', { agent: 'web', queued: 9, limit: 9 });
      taken.push(data as Uint8Array);
      return { bytes: data.length };
    };
    const pieces = [Buffer.from('one'), Buffer.from('two')];
    expect((await supertree(['send', 'web'], { answers: { send }, stdin: pieces })).code).toBe(0);
    expect(taken).toEqual(pieces);
  });

  it('can be interrupted while the agent does not read', async () => {
    const running = begin(['send', 'web'], { stdin: [Buffer.from('x')] });
    await expect.poll(() => running.seen.length).toBe(1);
    running.interrupt('SIGINT');
    expect((await running.result).code).toBe(130);
  });
});

describe('supertree signal', () => {
  it('passes the name on and says nothing', async () => {
    const result = await supertree(['signal', 'web', 'hup'], { answers: { signal: () => row('root/web') } });
    expect(result).toMatchObject({ code: 0, out: '', err: '' });
    expect(result.seen).toEqual([{ name: 'signal', params: { agent: 'web', signal: 'hup' } }]);
  });
});

describe('the number of a signal', () => {
  it('stands for its name', async () => {
    const answers = { signal: () => row('root/web') };
    const sent = async (number: string) => {
      const { seen } = await supertree(['signal', 'web', number], { answers });
      return (seen[0]?.params as ParamsOf<'signal'> | undefined)?.signal;
    };
    expect([await sent('15'), await sent('1'), await sent('9'), await sent('10')]).toEqual([
      'SIGTERM',
      'SIGHUP',
      'SIGKILL',
      'SIGUSR1',
    ]);
  });

  it.each(['0', '40', '65'])('is refused when it has none: %s', async (number) => {
    const result = await supertree(['signal', 'web', number]);
    expect(result).toMatchObject({ code: 2, out: '', seen: [] });
    expect(result.err).toMatch(new RegExp(`^USAGE: There is no signal ${number} with a name.*SIGTERM.*\\n$`));
  });
});

describe('supertree logs', () => {
  it('prints the bytes as they were written', async () => {
    const bytes = Uint8Array.of(0x66, 0xff, 0x0a);
    const lines = [
      line(0, 'stdout', '\x1b[31mred\x1b[0m\r\n'),
      line(1, 'stdout', 'f\ufffd\n', { bytes }),
      line(2, 'stdout', 'no end'),
    ];
    const result = await supertree(['logs', 'web'], { answers: { logs: () => page(lines) } });
    expect(result.bytes).toEqual(Buffer.concat([Buffer.from('\x1b[31mred\x1b[0m\r\n'), bytes, Buffer.from('no end')]));
    expect(result.err).toBe('');
    expect(result.seen).toEqual([{ name: 'logs', params: { agent: 'web' } }]);
  });

  it('joins the parts of a long line, and parts it only where the other stream cuts in', async () => {
    const lines = [
      line(0, 'stdout', 'abc', { partial: true }),
      line(1, 'stdout', 'def\n'),
      line(2, 'stdout', 'half', { partial: true }),
      line(0, 'stderr', 'warning\n'),
    ];
    const result = await supertree(['logs', 'web'], { answers: { logs: () => page(lines) } });
    expect(result.out).toBe('abcdef\nhalf\nwarning\n');
  });

  it('ends an unfinished line on a terminal', async () => {
    const answers = { logs: () => page([line(0, 'stdout', 'prompt> ')]) };
    expect((await supertree(['logs', 'web'], { answers, terminal: true })).out).toBe('prompt> \n');
  });

  it('passes the range and the stream on, and prints the number of dropped lines on standard error', async () => {
    const result = await supertree(['logs', 'web', '-n', '5', '--from', '0', '--stream', 'stderr'], {
      answers: { logs: () => page([], 12) },
    });
    expect(result.seen[0]?.params).toEqual({ agent: 'web', last: 5, from: 0, stream: 'stderr' });
    expect(result).toMatchObject({ code: 0, out: '', err: '12 older lines are no longer kept.\n' });
  });

  it('prints one JSON document, bytes that are not UTF-8 in base64', async () => {
    const lines = [line(0, 'stdout', 'ok\n'), line(1, 'stderr', '\ufffd\n', { bytes: Uint8Array.of(255, 10) })];
    const result = await supertree(['logs', 'web', '--json'], { answers: { logs: () => page(lines, 1) } });
    expect(JSON.parse(result.out)).toEqual({
      lines: [lines[0], { ...lines[1], bytes: '/wo=' }],
      dropped: 1,
      next: { stdout: 9, stderr: 9 },
    });
    expect(result.err).toBe('');
  });
});
