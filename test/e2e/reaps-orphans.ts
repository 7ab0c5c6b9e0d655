import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { fixture } from '../contract/recorder.js';
import { PYTHON } from '../program.js';
import { markedEach } from './marked.js';
import { allowsPidNamespace, PID_NAMESPACE } from './pid-namespace.js';

const NAMESPACE = [...PID_NAMESPACE, '--kill-child'];
const SUBREAPER = [PYTHON, new URL('../fixtures/becomes-subreaper.py', import.meta.url).pathname];

interface Adoption {
  readonly incarnations: number[];
  readonly running: Record<string, number>;
  readonly left: Record<string, number>;
  readonly causes: Record<string, number>;
  readonly codes: Record<string, number | true>;
  readonly problems: string[];
}

/** Runs a program to which orphans come; resolves with what it has printed. */
async function adoptOrphans(
  env: NodeJS.ProcessEnv,
  prefix: readonly string[],
  ...options: (string | number)[]
): Promise<Adoption> {
  const [command, ...args] = [...prefix, ...fixture('adopts-orphans', ...options)];
  const program = spawn(command!, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  program.stdout.on('data', (bytes) => {
    text += bytes;
  });
  await once(program, 'close');
  return JSON.parse(text);
}

/** The tests of a program to which orphans come, the first process of a PID namespace or a subreaper, with so many agents and so many children of its own. */
export function reapsOrphans(agents: number, children: number): void {
  const marked = markedEach();

  describe.each([
    ['the first process, with a keeper', allowsPidNamespace, NAMESPACE, 'keeper', 'lost'],
    ['the first process, with the driver local', allowsPidNamespace, NAMESPACE, 'local', 'signal'],
    ['a subreaper', true, SUBREAPER, 'keeper', 'lost'],
  ] as const)('a program that is %s', (_, isPossible, prefix, driver, cause) => {
    it.runIf(isPossible)(
      'reaps the orphans that come to it, restarts each agent once, and is told of every end of its own children',
      async () => {
        const result = await adoptOrphans(marked().env, prefix, agents, children, driver);
        expect(result.incarnations).toEqual(Array(agents).fill(2));
        expect(result.running).toEqual(
          Object.fromEntries(Array.from({ length: agents }, (_, at) => [`root/a${at}`, 3])),
        );
        expect(result.causes).toEqual({ [cause]: agents });
        expect(result.codes).toEqual({ 7: children * 0.9, 8: children * 0.1, 'sync 9': true });
        expect(result.problems).toEqual([]);
        expect(result.left).toEqual({});
      },
    );
  });
}
