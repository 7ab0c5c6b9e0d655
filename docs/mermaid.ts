import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** A transition as XState keeps it. */
export type Edge = AnyStateNode['always'] extends (infer T)[] | undefined ? T : never;

/** The states of a node one level down. */
export function innerStates(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states);
}

/** Every state of a machine below its root, outer ones first. */
export function allStates(node: AnyStateNode): AnyStateNode[] {
  return innerStates(node).flatMap((inner) => [inner, ...allStates(inner)]);
}

/** The edges that begin at a state itself, in the order in which they are tried. */
export function edgesFrom(node: AnyStateNode): Edge[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

/** The trigger of an edge, as text for readers: an event, `after` a named delay, or `at once`. */
export function triggerOf({ eventType }: Edge): string {
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(eventType) ?? [];
  return delay === undefined ? eventType || 'at once' : `after ${delay}`;
}

/** The name of an edge's guard; empty when it has none. */
export function guardOf({ guard }: Edge): string {
  if (guard === undefined) return '';
  return typeof guard === 'string' ? guard : String((guard as { type: unknown }).type);
}

/** The name that a state has in a diagram: its keys from the root. */
export function aliasOf(node: AnyStateNode): string {
  return node.path.join('_');
}

/** A machine as the text of a Mermaid state diagram. Edges that stay where they are, and those of the root, are not drawn. */
export function mermaid(machine: AnyStateMachine): string {
  return ['stateDiagram-v2', ...inside(machine.root, '  ')].join('\n');
}

function inside(node: AnyStateNode, indent: string): string[] {
  const first = node.initial?.target?.[0];
  const states = innerStates(node);
  return [
    ...states.flatMap((state) => drawState(state, indent)),
    ...(first === undefined ? [] : [`${indent}[*] --> ${aliasOf(first)}`]),
    ...(node.parent === undefined
      ? allStates(node)
          .flatMap(drawEdges)
          .map((line) => `${indent}${line}`)
      : []),
  ];
}

function drawState(state: AnyStateNode, indent: string): string[] {
  const name = `${indent}state "${state.key}" as ${aliasOf(state)}`;
  if (innerStates(state).length === 0) return [name];
  return [`${name} {`, ...inside(state, `${indent}  `), `${indent}}`];
}

function drawEdges(state: AnyStateNode): string[] {
  return edgesFrom(state).flatMap((edge) => (edge.target ?? []).flatMap((target) => drawEdge(state, edge, target)));
}

/**
 * Mermaid cannot draw an arrow between a state and one within it. An arrow inwards is drawn from each inner state that does not
 * hear the event itself, and one outwards leads to where the outer state begins: that is what they mean.
 */
function drawEdge(from: AnyStateNode, edge: Edge, to: AnyStateNode): string[] {
  if (isWithin(to, from) && innerStates(from).length > 0) {
    const deaf = innerStates(from).filter((inner) => !inner.transitions.has(edge.eventType as never));
    return deaf.flatMap((inner) => drawEdge(inner, edge, to));
  }
  const end = isWithin(from, to) && from !== to ? beginningOf(to) : to;
  const guard = guardOf(edge) === '' ? '' : ` [${guardOf(edge)}]`;
  return [`${aliasOf(from)} --> ${aliasOf(end)} : ${triggerOf(edge)}${guard}`];
}

function isWithin(inner: AnyStateNode, outer: AnyStateNode): boolean {
  return inner === outer || (inner.parent !== undefined && isWithin(inner.parent, outer));
}

function beginningOf(node: AnyStateNode): AnyStateNode {
  const first = node.initial?.target?.[0];
  return first === undefined ? node : beginningOf(first);
}
