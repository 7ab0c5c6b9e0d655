import type { AnyStateMachine, AnyStateNode, InspectionEvent } from 'xstate';

/** A transition as XState keeps it: one guarded branch of one event of one state. */
export type Transition = AnyStateNode['transitions'] extends Map<string, (infer T)[]> ? T : never;

/** Every state of a machine below its root, outer ones first. */
export function statesOf(machine: AnyStateMachine): AnyStateNode[] {
  const below = (node: AnyStateNode): AnyStateNode[] =>
    Object.values(node.states).flatMap((inner: AnyStateNode) => [inner, ...below(inner)]);
  return below(machine.root);
}

/** The path of a state: the keys from the root, with dots. */
export function statePathOf(node: AnyStateNode): string {
  return node.path.join('.');
}

/**
 * Every edge of a machine by name, read from the machine itself: each guarded branch of each event, of `after`, of `always` and of
 * wildcards is an edge of its own. A branch without target and actions is one too: it keeps an outer state from hearing the event.
 */
export function edgesOf(machine: AnyStateMachine): Map<Transition, string> {
  const names = new Map<Transition, string>();
  for (const node of [machine.root, ...statesOf(machine)]) {
    const groups = [...node.transitions.values(), node.always ?? []];
    for (const group of groups) {
      for (const [index, edge] of group.entries()) names.set(edge, nameOf(node, edge, index));
    }
  }
  return names;
}

/** The state where an edge begins, and those where it leads; none for an edge that stays. */
export function endsOf(edge: Transition): { from: AnyStateNode; to: readonly AnyStateNode[] } {
  return { from: edge.source, to: edge.target ?? [] };
}

/** The edges that one inspected step took. Entering the initial state is no edge. */
export function edgesTaken(event: InspectionEvent, names: ReadonlyMap<Transition, string>): string[] {
  if (event.type !== '@xstate.microstep') return [];
  return event._transitions.flatMap((edge) => names.get(edge) ?? []);
}

function nameOf(node: AnyStateNode, edge: Transition, index: number): string {
  const guard = edge.guard === undefined ? '' : ` [${guardName(edge.guard)}]`;
  const to = edge.target === undefined ? '' : ` -> ${edge.target.map(statePathOf).join(', ')}`;
  return `${statePathOf(node) || '(root)'} ${edge.eventType || 'always'}#${index}${guard}${to}`;
}

function guardName(guard: unknown): string {
  return typeof guard === 'string' ? guard : String((guard as { type: unknown }).type);
}
