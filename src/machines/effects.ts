import { SupertreeError } from '../errors.js';

/* The effects of a chart are named in its setup and provided by an actor with `.provide()`. An effect that was not provided throws. */

/**
 * An effect that the chart names and an actor provides, with params of type `P`. Throws EFFECT_MISSING, with `name` and the id of the machine, when it
 * runs without having been provided.
 */
export function effect<P = undefined>(name: string): (args: { self: { id: string } }, params: P) => void {
  return ({ self }) => {
    throw new SupertreeError('EFFECT_MISSING', { effect: name, actor: self.id });
  };
}
