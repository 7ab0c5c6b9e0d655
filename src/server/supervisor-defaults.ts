import type { NodeInput, SupervisorInput } from '../model/input.js';

/** A supervisor of a server unless its spec says otherwise: one agent that cannot start or live must not take the others down. */
export const SUPERVISOR_DEFAULTS = { boot: 'retry', onExhausted: 'fail' } as const;

/**
 * The spec of an agent, a supervisor or a pool with the defaults of a server in it and in each supervisor and pool below, except where OTP's own
 * rules are asked for. Data that is no such spec comes back unchanged.
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

/** The same supervisor with the defaults of a server in what is below it. */
export function withChildDefaults(node: Record<string, unknown>): Record<string, unknown> {
  const { children } = node;
  return Array.isArray(children) ? { ...node, children: children.map(withServerDefaults) } : node;
}

/** Children of a server do not wait for each other, unless a strategy, or OTP's own rules, tie them to their order. */
export function defaultStart({
  strategy = 'one_for_one',
  otpExact,
}: Record<string, unknown>): Pick<SupervisorInput, 'start'> {
  return strategy === 'one_for_one' && otpExact !== true ? { start: 'parallel' } : {};
}
