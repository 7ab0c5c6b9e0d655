import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Request } from 'zeromq';
import { numberOf } from '../../docs/declarations.js';
import { DEFAULT_LIMITS } from '../../src/control/limits.js';
import { MAX_MESSAGE_SIZE } from '../../src/protocol/protocol.js';
import { MAX_VALUES } from '../../src/protocol/scan.js';
import { PYTHON } from '../program.js';
import { bytesIn, fenced } from './fences.js';
import { Served } from './served.js';

const PAGE = fileURLToPath(new URL('../../docs/wire.md', import.meta.url));

const MEBIBYTE = 1024 * 1024;

let served: Served;

beforeEach(async () => {
  served = await Served.open();
});

afterEach(() => served.close());

describe('the page about the wire', () => {
  it('has a program that runs unchanged and prints the output on the page', async () => {
    const [program = ''] = fenced(PAGE, 'python');
    const [prints] = fenced(PAGE, 'text');
    const { stdout, stderr } = await promisify(execFile)(PYTHON, ['-c', program, served.endpoint], { timeout: 60_000 });
    expect({ stdout, stderr }).toEqual({ stdout: prints, stderr: '' });
    expect(served.server.tree.agents()).toEqual([]);
  });

  it('has the first request and its answer as they are, byte for byte', async () => {
    const [request, answer] = fenced(PAGE, 'hex').map(bytesIn);
    const socket = new Request({ linger: 0, receiveTimeout: 60_000 });
    socket.connect(served.endpoint);
    await socket.send(request ?? '');
    const [reply] = await socket.receive();
    socket.close();
    expect(reply?.toString('hex')).toBe(answer?.toString('hex'));
  });

  it('has the limits as they are', () => {
    const { inFlight, inFlightBytes, rate } = DEFAULT_LIMITS;
    const page = readFileSync(PAGE, 'utf8');
    expect(page).toContain(
      `${inFlight} requests and ${inFlightBytes / MEBIBYTE} MiB of them under way, and send ${rate} a second`,
    );
    expect(page).toContain(
      `at most ${MAX_MESSAGE_SIZE / MEBIBYTE} MiB, a request ${MAX_VALUES.toLocaleString('en')} values`,
    );
    expect(page).toContain(`comes every ${numberOf('control/streams/events.ts', 'POSITION_EVERY')} ms`);
  });
});
