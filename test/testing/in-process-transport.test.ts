import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import type { Tree } from '../../src/contract/view.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { createInProcessTransport, type InProcessTransport } from '../../src/testing/index.js';

let tree: Tree;
let transport: InProcessTransport;

beforeEach(async () => {
  tree = createTree({
    children: [
      {
        id: 'ticker',
        task: ({ log, onInput, signal }) => {
          onInput((text) => log(`heard ${text.trim()}`));
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      },
    ],
  });
  await tree.start();
  transport = createInProcessTransport(tree);
});

afterEach(async () => {
  transport.close();
  await tree.stop();
});

describe('the in-process transport', () => {
  it('controls a real tree and follows its output, all in one program', async () => {
    const peer = transport.connect();
    const { uuid } = tree.agent('ticker');
    const frames: Buffer[] = [];
    const end = transport.subscribe(uuid, (frame) => frames.push(frame));
    const write = { type: 'control_command', command_type: 'write_stdin', agent_id: uuid } as const;
    const answer = await peer.ask<'control_command'>({ ...write, request_id: '1', payload: { data: 'aGkK' } });
    expect(answer).toMatchObject({ type: 'command_response', success: true, data: { bytes_written: 3 } });
    await expect.poll(() => frames.length).toBe(1);
    expect(frames[0]?.toString('latin1')).toContain(`${uuid}\0`);
    end();
    await peer.ask<'control_command'>({ ...write, request_id: '2', payload: { data: 'aGkK' } });
    const stop = { ...write, command_type: 'stop', accepted: true } as const;
    expect(await peer.ask<'control_command'>({ ...stop, request_id: '3' })).toMatchObject({ success: true });
    expect(tree.agent('ticker').view().state).toBe('stopped');
    expect(frames).toHaveLength(1);
  });

  it('sends a copy: later changes of the bytes have no effect', async () => {
    const peer = transport.connect();
    const bytes = pack(['health_check_request', 'mine']);
    peer.send(bytes);
    bytes.fill(0xc1);
    expect(unpack(await peer.receive())).toMatchObject({ request_id: 'mine', healthy: true });
  });

  it('rejects waiting and later calls when it is closed', async () => {
    const peer = transport.connect();
    const waiting = peer.receive();
    const asked = peer.ask<'health_check_request'>({ type: 'health_check_request', request_id: 'r' });
    transport.close();
    const gone = { code: 'NO_SERVER' };
    await expect(waiting).rejects.toMatchObject(gone);
    await expect(asked).rejects.toMatchObject(gone);
    await expect(peer.receive()).rejects.toMatchObject(gone);
    await expect(
      peer.ask<'health_check_request'>({ type: 'health_check_request', request_id: 's' }),
    ).rejects.toMatchObject(gone);
    expect(() => peer.send(Buffer.from('x'))).not.toThrow();
  });
});
