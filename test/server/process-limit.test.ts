import { describe, expect, it } from 'vitest';
import { requireSocketThreads } from '../../src/server/process-limit.js';

describe('the threads of sockets', () => {
  it('are required before there are sockets, for which libzmq ends the program', () => {
    expect(() => requireSocketThreads({ user: 1000, limit: 100, used: 99 })).toThrow(
      'The system allows no more processes and threads: user 1000 may have 100 and has 99, and the sockets of a server need 2 more.',
    );
  });

  it('are not counted where there is room, or no limit', () => {
    requireSocketThreads({ user: 1000, limit: 100, used: 98 });
    requireSocketThreads(null);
  });
});
