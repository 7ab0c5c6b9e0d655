import type { NodeInput, SupervisorInput } from '../model/input.js';

/** The defaults of supervisors in a server: an agent that cannot start or keeps failing must not take the others down. */
export const SUPERVISOR_DEFAULTS = { boot: 'retry', onExhausted: 'fail' } as const;

/**
 * Fills the server's defaults into the spec of an agent, a supervisor or a pool and into each supervisor and pool below it, except where
 * `otpExact` asks for OTP's own rules. Data that is not such a spec is returned unchanged.
 */
export function withServerDefaults(spec: NodeInput): NodeInput;
export function withServerDefaults(data: unknown): unknown;
export function withServerDefaults(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data;
  const node = data as Record<string, unknown>;
  if (node.otpExact === true) return withChildDefaults(node);
  if (node.pool !== undefined) return { onExhausted: SUPERVISOR_DEFAULTS.onExhausted, ...node };
  return node.children === undefined
    ? node
    : { ...SUPERVISOR_DEFAULTS, ...defaultStart(node), ...withChildDefaults(node) };
}

/** The same supervisor, with the server's defaults in its children. */
export function withChildDefaults(node: Record<string, unknown>): Record<string, unknown> {
  const { children } = node;
  return Array.isArray(children) ? { ...node, children: children.map(withServerDefaults) } : node;
}

/** Children of a server start in parallel, unless a strategy or OTP's own rules depend on their order. */
export function defaultStart({
  strategy = 'one_for_one',
  otpExact,
}: Record<string, unknown>): Pick<SupervisorInput, 'start'> {
  return strategy === 'one_for_one' && otpExact !== true ? { start: 'parallel' } : {};
}
