import { describe, expect, it } from 'vitest';
import { createMachine, fromPromise } from 'xstate';
import type { SupervisorInput } from '../../src/model/input.js';
import { normaliseSupervisor } from '../../src/model/normalise.js';
import { type Problem, problemText } from '../../src/model/problem.js';
import { validate } from '../../src/model/validate.js';
import fc from '../fast-check.js';

const agent = (more: object = {}) => ({ id: 'a', command: ['sleep', '1'], ...more });
const tree = (...children: unknown[]) => ({ children });
const paths = (problems: readonly Problem[]) => problems.map((problem) => problem.path);
const texts = (input: unknown) => validate(input).map(problemText);
/** The problems of one agent in a tree, paths without the way to it. */
const agentTexts = (more: object) =>
  validate(tree(agent(more))).map((problem) =>
    problemText({ ...problem, path: problem.path.replace(/^children\[0\]\.?/, '') }),
  );

describe('fields of an agent', () => {
  it.each([
    [{ command: [] }, 'command must name a program, got (a list)'],
    [{ command: [''] }, 'command must not begin with an empty name, got (a list)'],
    [{ command: ['a', 'b\0c'] }, 'command[1] must not contain a NUL byte, got (hidden)'],
    [{ command: 'sleep 1' }, 'command must be a list of strings, got (hidden)'],
    [{ inherit: 'some' }, 'inherit must be all, none or a list of names, got "some"'],
    [{ inherit: ['A', 'B='] }, 'inherit[1] must have a name without = and NUL, got "B="'],
    [{ inherit: [7] }, 'inherit[0] must be a string, got 7'],
    [
      { inherit: ['NOTIFY_SOCKET', 'LISTEN_ADDRESS'] },
      'inherit[0] must not be a variable of the service manager or of supertree: those are never inherited, got "NOTIFY_SOCKET"',
    ],
    [{ unset: 'A' }, 'unset must be a list of names, got "A"'],
    [{ unset: ['A', ''] }, 'unset[1] must have a name without = and NUL, got ""'],
    [{ unset: ['A'], env: { A: '1' } }, 'unset[0] must not be a variable that env sets, got "A"'],
    [{ umask: 22 }, 'umask must be three octal digits as text, such as "027", got 22'],
    [{ umask: '89' }, 'umask must be three octal digits as text, such as "027", got "89"'],
    [{ nice: 20 }, 'nice must be an integer from -20 to 19, got 20'],
    [{ nice: 0.5 }, 'nice must be an integer from -20 to 19, got 0.5'],
    [{ oomScoreAdj: -1001 }, 'oomScoreAdj must be an integer from -1000 to 1000, got -1001'],
    [{ user: '' }, 'user must be a name without spaces and colons, got ""'],
    [{ user: -1 }, 'user must be an integer from 0 to 4294967294, got -1'],
    [{ user: 'a:b' }, 'user must be a name without spaces and colons, got "a:b"'],
    [{ group: {} }, 'group must be a name or an integer >= 0, got (an object)'],
    [{ rlimits: { nofile: -1 } }, 'rlimits.nofile must be an integer >= 0 or "infinity", got -1'],
    [
      { rlimits: { nofile: 'many' } },
      'rlimits.nofile must be an integer >= 0, "infinity", or { soft, hard }, got "many"',
    ],
    [
      { rlimits: { nofile: { soft: 'infinity', hard: 5 } } },
      'rlimits.nofile must not have a soft limit above the hard one, got (an object)',
    ],
    [{ rlimits: { nofile: { soft: 5 } } }, 'rlimits.nofile.hard must be given'],
    [
      { rlimits: { locks: 5 } },
      'rlimits.locks must not be given; known here: as, core, cpu, data, fsize, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack, got 5',
    ],
    [{ stdin: 'open' }, 'stdin must be one of pipe, closed, pty, got "open"'],
    [{ stdin: null }, 'stdin must be one of pipe, closed, pty, got null'],
    [{ stdin: 'closed', stop: { message: 'end' } }, 'stop.message must not be given with stdin closed'],
    [{ stdin: 'closed', stop: { closeInput: 5 } }, 'stop.closeInput must not be given with stdin closed'],
    [
      { stop: { closeInput: 5, message: 'end' } },
      'stop.closeInput must not be given with a message, which needs an open input, got 5',
    ],
    [{ stop: { closeInput: 0 } }, 'stop.closeInput must be an integer > 0, got 0'],
    [{ stop: { scope: 'group' } }, 'stop.scope must be one of tree, main, got "group"'],
    [{ output: { order: 'time' } }, 'output.order must be one of separate, merged, got "time"'],
    [
      { output: { order: 'merged' }, readiness: { type: 'log', pattern: 'x', stream: 'stderr' } },
      'readiness.stream must not be stderr with output.order merged: all lines are of stdout, got "stderr"',
    ],
    [{ pty: { rows: 5 } }, 'pty must not be given without stdin pty'],
    [
      { stdin: 'pty', output: { order: 'separate' } },
      'output.order must not be separate with stdin pty: a terminal is one stream, got "separate"',
    ],
    [{ stdin: 'pty', pty: { rows: 0 } }, 'pty.rows must be an integer from 1 to 65535, got 0'],
    [{ stdin: 'pty', pty: { columns: 65_536 } }, 'pty.columns must be an integer from 1 to 65535, got 65536'],
    [{ stdin: 'pty', pty: { columns: 1.5 } }, 'pty.columns must be an integer from 1 to 65535, got 1.5'],
    [{ stdin: 'pty', pty: { columns: '80' } }, 'pty.columns must be an integer from 1 to 65535, got "80"'],
    [{ stdin: 'pty', pty: { depth: 8 } }, 'pty.depth must not be given; known here: columns, rows, got 8'],
    [{ stdin: 'closed', pause: 'cooperative' }, 'pause must not be cooperative with stdin closed, got "cooperative"'],
    [{ cwd: '' }, 'cwd must not be empty, got ""'],
    [{ cwd: '/a\0' }, 'cwd must not contain a NUL byte, got "/a\\u0000"'],
    [{ id: '1' }, 'id must match ^[A-Za-z][\\w.-]*$, got "1"'],
    [{ id: 'constructor' }, 'id must not be a name that every object has, got "constructor"'],
    [{ task: () => {} }, 'it must have exactly one of command, task, logic, got (command, task)'],
    [{ input: 1 }, 'input must not be given without logic'],
    [{ ports: ['a', 'a'] }, 'ports[1] must have another name than ports[0], in more than case, got "a"'],
    [
      { ports: ['web', { name: 'WEB' }] },
      'ports[1] must have another name than ports[0], in more than case, got "WEB"',
    ],
    [{ ports: ['9a'] }, 'ports[0] must match ^[A-Za-z][A-Za-z0-9_]*$, got "9a"'],
    [{ ports: [{ name: 'a', preferred: 70_000 }] }, 'ports[0].preferred must be an integer from 1 to 65535, got 70000'],
    [{ ports: [7] }, 'ports[0] must be a name or an object, got 7'],
    [{ readiness: { type: 'port' } }, 'readiness must not refer to a port of an agent without ports, got "port"'],
    [
      { ports: ['a'], readiness: { type: 'port', port: 'b' } },
      'readiness.port must be one of the ports of this agent: a, got "b"',
    ],
    [{ readiness: { type: 'http' } }, 'readiness must not refer to a port of an agent without ports, got "http"'],
    [
      { ports: ['a'], readiness: { type: 'http', port: 'b' } },
      'readiness.port must be one of the ports of this agent: a, got "b"',
    ],
    [
      { ports: ['a'], readiness: { type: 'http', path: 'health' } },
      'readiness.path must begin with / and contain no space, # or control character, got "health"',
    ],
    [
      { ports: ['a'], readiness: { type: 'http', path: '/a b' } },
      'readiness.path must begin with / and contain no space, # or control character, got "/a b"',
    ],
    [{ liveness: { type: 'tcp' } }, 'liveness must not refer to a port of an agent without ports, got "tcp"'],
    [{ liveness: { type: 'idle' } }, 'liveness.timeout must be given'],
    [
      { liveness: { type: 'notify', period: 5 } },
      'liveness.period must not be given; known here: type, timeout, initialDelay, failures, got 5',
    ],
    [{ liveness: { type: 'exec', command: ['x'], failures: 0 } }, 'liveness.failures must be an integer > 0, got 0'],
    [
      { liveness: { type: 'heartbeat' } },
      'liveness.type must be one of http, tcp, exec, notify, idle, got "heartbeat"',
    ],
    [
      { liveness: { type: 'exec', command: ['x', '{port:b}'] } },
      'liveness.command[1] must not use {port:b}, a port that it does not have; the text itself is {{port:b}}, got (hidden)',
    ],
    [{ readiness: { type: 'log', pattern: '(' } }, 'readiness.pattern must be a regular expression, got "("'],
    [{ readiness: { type: 'soon' } }, 'readiness.type must be one of none, port, http, log, exec, notify, got "soon"'],
    [{ readiness: { type: 'notify', timeout: 0 } }, 'readiness.timeout must be an integer > 0, got 0'],
    [{ stop: { signal: 'SIGSTRANGE' } }, 'stop.signal must be the name of a signal, such as SIGTERM, got "SIGSTRANGE"'],
    [{ stop: { signal: undefined } }, 'stop.signal must be a string'],
    [{ stop: [] }, 'stop must be an object, "brutal_kill" or "infinity", got (a list)'],
    [{ limits: { memory: { max: -1 } } }, 'limits.memory.max must be an integer > 0, got -1'],
    [{ limits: { cpu: { max: Number.NaN } } }, 'limits.cpu.max must be a number > 0, got NaN'],
    [{ successCodes: [0, 256] }, 'successCodes[1] must be an integer from 0 to 255, got 256'],
    [{ output: { lines: 0 } }, 'output.lines must be an integer > 0, got 0'],
    [{ metadata: { a: 1 } }, 'metadata.a must be a string, got (hidden)'],
    [{ env: new Map() }, 'env must be an object, got (hidden)'],
    [{ cwd: new Date(0) }, 'cwd must be a string, got (not a plain object)'],
    [
      { command: ['x', '{port:web}'] },
      'command[1] must not use {port:web}, a port that it does not have; the text itself is {{port:web}}, got (hidden)',
    ],
  ])('says what is wrong with %j', (more, text) => {
    expect(agentTexts(more)).toEqual([text]);
  });

  it.each([
    [{ stop: { signal: 'int' } }],
    [
      {
        ports: ['a', { name: 'b', preferred: 3000 }],
        readiness: { type: 'port', port: 'b' },
        command: ['x', '{port}{port:b}'],
      },
    ],
    [{ cwd: undefined, env: undefined, ports: undefined, stop: undefined, task: undefined }],
    [{ command: ['node', '-e', 'listen({port:8080})', '{"a":{"b":1}}', '{{port:none}}'] }],
    [Object.assign(Object.create(null), { metadata: { a: '1' } })],
  ])('takes %j, and so does normalise', (more) => {
    const input = tree(agent(more));
    expect(validate(input)).toEqual([]);
    expect(() => normaliseSupervisor(input as SupervisorInput)).not.toThrow();
  });

  it('accepts actor logic, and refuses objects that only look like it', () => {
    for (const logic of [fromPromise(async () => 1), createMachine({})])
      expect(validate(tree({ id: 'a', logic, input: 1 }))).toEqual([]);
    for (const logic of [{}, null, 1, { transition: () => {} }, () => {}])
      expect(paths(validate(tree({ id: 'a', logic })))).toEqual(['children[0].logic']);
  });

  it.each([
    [{ env: { A: 's3cret' } }, 'env must not be given without command'],
    [{ cwd: '/tmp' }, 'cwd must not be given without command'],
    [{ limits: { memory: { max: 1 } } }, 'limits must not be given without command'],
    [{ stop: { signal: 'SIGINT' } }, 'stop.signal must not be given without command'],
  ])('refuses %j where there is no process that it could mean', (more, text) => {
    expect(agentTexts({ command: undefined, task: () => {}, ...more })).toEqual([text]);
    expect(agentTexts({ command: undefined, logic: fromPromise(async () => 1), ...more })).toEqual([text]);
    const agent = { task: () => {}, ...more };
    expect(texts(tree({ id: 'p', pool: { agent } }))).toEqual([`children[0].pool.agent.${text}`]);
  });

  it('refuses ports and readiness notify for a logic, and accepts them for a task', () => {
    const logic = { command: undefined, logic: fromPromise(async () => 1) };
    const ports = 'ports must not be given with logic, which cannot receive them';
    expect(agentTexts({ ...logic, ports: ['http'] })).toEqual([ports]);
    const notify = 'readiness.type must not be notify with logic, which cannot send READY=1, got "notify"';
    expect(agentTexts({ ...logic, readiness: { type: 'notify' } })).toEqual([notify]);
    const task = { command: undefined, task: () => {}, ports: ['http'], readiness: { type: 'notify' } };
    expect(agentTexts({ ...task, stop: { message: 'end', ask: 1 } })).toEqual([]);
  });

  it('limits metadata to 64 entries', () => {
    const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '']));
    expect(agentTexts({ metadata: entries(64) })).toEqual([]);
    expect(agentTexts({ metadata: entries(65) })).toEqual(['metadata must have at most 64 entries, got (hidden)']);
  });

  it('never shows the value of an environment variable', () => {
    const secret = 's3cret';
    for (const env of [
      secret,
      [secret],
      { A: `${secret}\0` },
      { 'A=B': secret },
      { '': secret },
      { A: { B: secret } },
      { A: `${secret}{port}` },
      { __proto__: { A: [secret] } },
    ]) {
      const problems = validate(tree(agent({ env }), { id: 'p', pool: { agent: { command: ['x'], env } } }));
      expect(problems.length).toBeGreaterThanOrEqual(2);
      expect(JSON.stringify(problems)).not.toContain(secret);
    }
    expect(JSON.stringify(validate(tree(agent({ TOKEN: secret, enviroment: { A: secret } }))))).not.toContain(secret);
  });

  it('refuses names that every object has, wherever names are free', () => {
    const input = JSON.parse(
      '{"id":"a","command":["x"],"env":{"__proto__":"x","constructor":"y"},"metadata":{"prototype":"1"},"__proto__":{}}',
    );
    expect(paths(validate(tree(input)))).toEqual([
      'children[0].env.__proto__',
      'children[0].env.constructor',
      'children[0].metadata.prototype',
      'children[0].__proto__',
    ]);
  });
});

describe('budgets and pools', () => {
  it('rejects a budget that its own backoff makes unreachable, and says the sum', () => {
    expect(texts({ within: 3_099, children: [] })).toEqual([
      'within must be at least 3100, the time that 5 restarts with this backoff take (100 + 200 + 400 + 800 + 1600 ms); if it is not given, it is derived, got 3099',
    ]);
    expect(validate({ within: 3_100, children: [] })).toEqual([]);
    expect(validate({ within: 1, otpExact: true, children: [] })).toEqual([]);
  });

  it('does the sum as a loop would, for every backoff', () => {
    const backoff = fc.record({
      initial: fc.nat(1_000),
      factor: fc.double({ min: 1, max: 4, noNaN: true }),
      max: fc.nat(20_000),
    });
    fc.assert(
      fc.property(backoff, fc.nat(200), fc.integer({ min: 1, max: 100_000 }), (backoff, maxRestarts, within) => {
        let sum = 0;
        for (let i = 1; i <= maxRestarts; i++)
          sum += Math.min(backoff.max, backoff.initial * backoff.factor ** (i - 1));
        fc.pre(Math.abs(sum - within) > 1e-3);
        expect(validate({ backoff, maxRestarts, within, children: [] }).length).toBe(sum > within ? 1 : 0);
      }),
    );
  });

  it('answers at once for a budget of more restarts than can be counted', () => {
    const backoff = { initial: 0 };
    expect(validate({ maxRestarts: Number.MAX_SAFE_INTEGER, backoff, children: [] })).toEqual([]);
    expect(paths(validate({ maxRestarts: Number.MAX_SAFE_INTEGER, within: 1, children: [] }))).toEqual(['within']);
    expect(normaliseSupervisor({ maxRestarts: Number.MAX_SAFE_INTEGER, children: [] }).budget.within).toBe(
      Number.MAX_SAFE_INTEGER,
    );
  });

  it('derives the window where none is given, so that the budget can be spent', () => {
    expect(validate({ maxRestarts: 10, children: [] })).toEqual([]);
    expect(normaliseSupervisor({ maxRestarts: 10, children: [] }).budget).toEqual({ maxRestarts: 10, within: 81_100 });
    expect(normaliseSupervisor({ maxRestarts: 3, children: [] }).budget.within).toBe(60_000);
  });

  it('keeps the size of a pool below its maximum, defaults included', () => {
    const pool = (more: object) => tree({ id: 'p', pool: { agent: { command: ['x'] }, ...more } });
    expect(texts(pool({ size: 3, max: 2 }))).toEqual(['children[0].pool.size must be at most max, which is 2, got 3']);
    expect(paths(validate(pool({ size: 10_001 })))).toEqual(['children[0].pool.size']);
    expect(paths(validate(pool({ max: 0 })))).toEqual(['children[0].pool.max']);
    expect(validate(pool({ size: 2, max: 2 }))).toEqual([]);
  });

  it('checks jitter, factor and cooldown', () => {
    const backoff = { factor: 0.5, jitter: 1.5 };
    expect(paths(validate({ backoff, cooldown: 0, children: [] }))).toEqual([
      'backoff.factor',
      'backoff.jitter',
      'cooldown',
    ]);
  });
});
