import { describe, expect, it } from 'vitest';
import { Pending } from '../../../src/actors/supervisor/pending.js';
import { SupertreeError } from '../../../src/errors.js';
import type { AnswerCode } from '../../../src/model/fact.js';

const COMMON = { agent: 'root/a', id: 'a', path: 'root', command: 'start' };

/** What a caller is rejected with when the engine answers this. */
async function refusal(code: AnswerCode, reason: string): Promise<SupertreeError> {
  const pending = new Pending('root', (id) => `pid 7 (D) ${id}`);
  const asked = pending.open('start', 'a', (token) => pending.settle(token, { ok: false, code, reason }));
  return asked.then(() => expect.unreachable(), Object);
}

describe('an answer that refuses', () => {
  it.each<[AnswerCode, string, object]>([
    ['SUPERSEDED', 'a stop', { by: 'a stop' }],
    ['POOL_FULL', '7', { max: 7 }],
    ['SUPERVISOR_ENDED', 'stopping', { status: 'stopping' }],
    ['START_FAILED', 'exit 1', { reason: 'exit 1' }],
    ['EXHAUSTED', 'exit 1', { reason: 'exit 1' }],
    ['ZOMBIE', 'a', { blockers: 'pid 7 (D) a' }],
    ['NOT_FOUND', 'a', {}],
    ['ALREADY_STARTED', 'up', {}],
    ['ALREADY_PRESENT', 'down', {}],
    ['RUNNING', 'a', {}],
    ['RESTARTING', 'a', {}],
    ['SIMPLE_ONE_FOR_ONE', 'delete', {}],
  ])('%s has the details of its sentence, and no others', async (code, reason, details) => {
    const error = await refusal(code, reason);
    expect(error).toBeInstanceOf(SupertreeError);
    expect([error.code, error.details]).toEqual([code, { ...COMMON, ...details }]);
    expect(`${error.message} ${error.remedy}`).not.toMatch(/[{}]/);
  });
});
