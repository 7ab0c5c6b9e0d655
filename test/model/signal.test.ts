import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { SIGNAL_NAMES, signalName } from '../../src/model/signal.js';

describe('signalName', () => {
  it('knows exactly the signals that Node knows here', () => {
    expect([...SIGNAL_NAMES].sort()).toEqual(Object.keys(constants.signals).sort());
  });

  it('takes any case, with and without SIG', () => {
    for (const text of ['int', 'INT', 'Int', 'sigint', 'SIGINT', 'SigInt']) expect(signalName(text)).toBe('SIGINT');
  });

  it('refuses other texts than names', () => {
    for (const text of ['', 'SIG', '9', 'SIGNOTHING', 'int ', 'toString']) expect(signalName(text)).toBeNull();
  });
});
