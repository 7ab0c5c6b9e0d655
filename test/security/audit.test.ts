import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSecureRig, type Name, type SecureRig, type Wire, wire } from './rig.js';

let rig: SecureRig;
const wires: Wire[] = [];

beforeAll(async () => {
  rig = await createSecureRig();
});

afterAll(() => rig.close());

beforeEach(() => {
  (rig.audit as unknown[]).length = 0;
});

afterEach(() => {
  for (const one of wires.splice(0)) one.close();
});

function as(name: Name): Wire {
  const made = wire(rig, name);
  wires.push(made);
  return made;
}

const spec = (id: string) => ({ id, command: ['cat'] });

describe('an audit line', () => {
  it('names the parent and the child of everything that is done to a supervisor', async () => {
    const boss = as('boss');
    await boss.operate('spawn', { parent: 'root/a', spec: spec('made') });
    await boss.operate('terminate_child', { path: 'root/a', id: 'made' });
    await boss.operate('delete_child', { path: 'root/a', id: 'made' });
    await boss.operate('add_child', { path: 'root/b', spec: spec('added') });
    await boss.operate('delete_child', { path: 'root/b', id: 'none' });
    await boss.operate('stop', { agent: 'added' });
    await boss.operate('delete_child', { path: 'root/b', id: 'added' });
    const lines = rig.audit.map(({ verb, path, child, outcome }) => `${verb} ${path} ${child} ${outcome}`);
    expect(lines).toEqual([
      'spawn root/a made done',
      'terminate_child root/a made done',
      'delete_child root/a made done',
      'add_child root/b added done',
      'delete_child root/b none failed',
      'stop root/b/added null done',
      'delete_child root/b added done',
    ]);
  });

  it('names the child that was added for a client of the agent protocol', async () => {
    const config = { name: 'a name', model_backend: 'cat-cli', task: '-' };
    for (const request_id of ['s1', 's2']) await as('boss').ask({ type: 'spawn_request', request_id, config });
    expect(rig.audit).toMatchObject([
      { verb: 'spawn_request', path: 'root', child: 'a-name', outcome: 'done' },
      { verb: 'spawn_request', path: 'root', child: 'a-name-2', outcome: 'done' },
    ]);
  });

  it('cannot name another subtree: parameters that do not belong to an operation are refused', async () => {
    const decoy = { path: 'root/a', parent: 'root/b', spec: spec('evil') };
    expect(await as('boss').operate('spawn', decoy)).toMatchObject({
      success: false,
      code: 'MESSAGE_INVALID',
      details: { field: 'params.path', rule: 'is not a parameter of this operation' },
    });
    expect(rig.audit).toMatchObject([{ verb: 'spawn', path: 'root/b', child: 'evil', outcome: 'failed' }]);
    // The role is asked for where it would be done, too.
    expect(await as('lead').operate('spawn', decoy)).toMatchObject({ code: 'SUPERVISOR_NOT_FOUND' });
  });
});

describe('a row', () => {
  it('does not show the command line of an agent to a key without observe', async () => {
    const answer = await as('blind').operate('stop', { agent: 'root/b/same' });
    expect(answer).toMatchObject({ success: true, data: { path: 'root/b/same', state: 'stopped', command: [] } });
    expect(answer.data).toMatchObject({ metadata: {}, exit: null, ports: {} });
    const seen = await as('boss').operate('start', { agent: 'root/b/same' });
    expect(seen).toMatchObject({ data: { command: ['cat'] } });
  });
});
