import { describe, expect, it } from 'vitest';
import { openDoors } from '../../src/server/open-doors.js';

describe('the warnings of a server without keys', () => {
  it('is nothing for an ipc socket', () => {
    expect(openDoors(['ipc:///run/s.sock'], ['ipc:///run/s-pub.sock'])).toEqual([]);
  });

  it('name the access of every user of the machine at a loopback port, and the remedy', () => {
    expect(openDoors(['ipc:///run/s.sock', 'tcp://127.0.0.1:5555'], ['tcp://[::1]:5556'])).toEqual([
      'every user of this machine may do everything at tcp://127.0.0.1:5555, also run programs as this user, and read what is published at tcp://[::1]:5556; ' +
        'give the server keys (--keys, see docs/security.md), or listen on ipc sockets alone (--endpoint ipc:///PATH)',
    ]);
  });

  it('name the access of other machines, and the remedy', () => {
    expect(openDoors(['tcp://0.0.0.0:5555'], [])).toEqual([
      'anybody who reaches this machine may do everything at tcp://0.0.0.0:5555, also run programs as this user; ' +
        'give the server keys (--keys, see docs/security.md), or bind 127.0.0.1 or an ipc socket',
    ]);
    expect(openDoors([], ['tcp://0.0.0.0:5556'])).toEqual([
      'anybody who reaches this machine may read what is published at tcp://0.0.0.0:5556; ' +
        'give the server keys (--keys, see docs/security.md), or bind 127.0.0.1 or an ipc socket',
    ]);
  });
});
