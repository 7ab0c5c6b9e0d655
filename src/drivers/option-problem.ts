import type { AgentSpec } from '../model/spec.js';
import { DRIVER_PROMISES, type Promiser } from './promises.js';

/** What an agent may ask of its process that not every driver can do: the row of the table, and whether a spec asks for it, in words. */
const OPTIONS: readonly {
  readonly promise: keyof typeof DRIVER_PROMISES;
  readonly asked: (spec: AgentSpec) => string | null;
}[] = [
  { promise: 'terminals', asked: ({ process }) => (process.stdin === 'pty' ? 'stdin pty' : null) },
  { promise: 'mergedOutput', asked: ({ output }) => (output.order === 'merged' ? 'output.order merged' : null) },
  { promise: 'attributes', asked: ({ process }) => attributeOf(process) },
];

function attributeOf({ rlimits, ...options }: AgentSpec['process']): string | null {
  const given = (['user', 'group', 'umask', 'nice', 'oomScoreAdj'] as const).find((name) => options[name] !== null);
  return given ?? (Object.keys(rlimits).length > 0 ? 'rlimits' : null);
}

/** Why a driver cannot run an agent of this spec, as text that names the field; `null` when it can. */
export function optionProblem(driver: Promiser, spec: AgentSpec): string | null {
  for (const { promise, asked } of OPTIONS) {
    const reason = DRIVER_PROMISES[promise][driver];
    const option = reason === true ? null : asked(spec);
    if (option !== null) return `${option} is not possible with the driver ${driver}: ${reason}`;
  }
  return null;
}
