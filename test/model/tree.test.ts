import { describe, expect, it } from 'vitest';
import { createMachine } from 'xstate';
import type { NodeInput, SupervisorInput } from '../../src/model/input.js';
import { normaliseNode, normaliseSupervisor } from '../../src/model/normalise.js';
import { problemText } from '../../src/model/problem.js';
import { validate, validateChild } from '../../src/model/validate.js';
import fc from '../fast-check.js';

const texts = (input: unknown) => validate(input).map(problemText);

describe('valid trees', () => {
  const time = fc.integer({ min: 1, max: 100_000 });
  const body = fc.constantFrom(
    { command: ['sleep', '{id}{incarnation}'] },
    { task: async () => {} },
    { logic: createMachine({}) },
  );
  const traits = fc.record(
    {
      cwd: fc.constant('/tmp'),
      env: fc.dictionary(
        fc.stringMatching(/^[A-Z_]{1,8}$/),
        fc.string().map((value) => value.replaceAll(/[\0{}]/g, '')),
      ),
      restart: fc.constantFrom('permanent', 'transient', 'temporary'),
      ports: fc.constantFrom(['http'], ['http', { name: 'admin', preferred: 9_000 }]),
      readiness: fc.oneof(
        fc.record({ type: fc.constant('none'), minUptime: fc.nat() }, { requiredKeys: ['type'] }),
        fc.record(
          { type: fc.constant('log'), pattern: fc.constant('^up$'), timeout: time },
          { requiredKeys: ['type', 'pattern'] },
        ),
        fc.record(
          { type: fc.constant('exec'), command: fc.constant(['true']), interval: time },
          { requiredKeys: ['type', 'command'] },
        ),
      ),
      liveness: fc.oneof(
        fc.record(
          { type: fc.constantFrom('tcp', 'http'), initialDelay: fc.nat(), period: time, timeout: time, failures: time },
          { requiredKeys: ['type'] },
        ),
        fc.record(
          { type: fc.constant('exec'), command: fc.constant(['true']), period: time },
          { requiredKeys: ['type', 'command'] },
        ),
        fc.record(
          { type: fc.constant('idle'), timeout: time, stream: fc.constantFrom('stdout', 'both') },
          { requiredKeys: ['type', 'timeout'] },
        ),
      ),
      stop: fc.oneof(
        fc.constantFrom('infinity', 'brutal_kill'),
        fc.record({ signal: fc.constantFrom('INT', 'SIGUSR1'), ask: fc.nat(), kill: fc.nat() }, { requiredKeys: [] }),
      ),
      pause: fc.constantFrom('forced', 'cooperative'),
      successCodes: fc.array(fc.nat(255), { maxLength: 5 }),
      limits: fc.record(
        { memory: fc.record({ max: time }), cpu: fc.record({ max: fc.constant(99.5), action: fc.constant('report') }) },
        { requiredKeys: [] },
      ),
      output: fc.record({ bytes: time, lines: time }, { requiredKeys: [] }),
      metadata: fc.dictionary(fc.stringMatching(/^[a-z]{1,3}-[a-z]{1,3}$/), fc.string()),
    },
    { requiredKeys: [] },
  );
  const supervision = fc.record(
    {
      maxRestarts: fc.nat(5),
      within: fc.integer({ min: 3_100, max: 1e9 }),
      onExhausted: fc.constantFrom('escalate', 'fail', 'cooldown'),
      cooldown: time,
      otpExact: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const agent = fc.tuple(body, traits).map(([own, t]) => {
    const { env, cwd, limits, stop, liveness, ports: given, ...shared } = t;
    const ports = given ?? ['http'];
    if ('command' in own) return { ...own, ...t, ports };
    const asked = typeof stop === 'object' && 'signal' in stop ? {} : { stop };
    return { ...own, ...shared, ...asked, ...('task' in own && { ports, liveness }) };
  });
  const { node, list } = fc.letrec<{ node: object; list: object[] }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      agent,
      fc
        .tuple(supervision, agent, fc.nat(9))
        .map(([own, each, size]) => ({ ...own, pool: { size, max: 9 + size, agent: each } })),
      fc.tuple(supervision, tie('list')).map(([own, children]) => ({ ...own, children })),
    ),
    list: fc.array(tie('node'), { maxLength: 4 }).map((nodes) => nodes.map((child, i) => ({ ...child, id: `n${i}` }))),
  }));

  it('are accepted, and normalise accepts them', () => {
    fc.assert(
      fc.property(supervision, list, (own, children) => {
        const input = { ...own, children };
        expect(texts(input)).toEqual([]);
        expect(normaliseSupervisor(input as unknown as SupervisorInput).children).toHaveLength(children.length);
      }),
    );
    fc.assert(
      fc.property(node, (child) => {
        const input = { ...child, id: 'x' };
        expect(validateChild(input, { autoShutdown: 'never' })).toEqual([]);
        expect(normaliseNode(input as unknown as NodeInput).id).toBe('x');
      }),
    );
  });
});
