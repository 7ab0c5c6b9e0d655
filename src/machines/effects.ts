import { SupertreeError } from '../errors.js';

/*
 * The effects of a chart are named in its setup and given hands with `.provide()`. A name without hands is a mistake of whoever
 * provides them: nothing happened where something had to. So a missing effect throws.
 */

/**
 * An effect that the chart names and an actor provides, with params of type `P`. Throws EFFECT_MISSING, with `name` and the id of the
 * machine, when it runs without having been provided.
 */
export function effect<P = undefined>(name: string): (args: { self: { id: string } }, params: P) => void {
  return ({ self }) => {
    throw new SupertreeError('EFFECT_MISSING', { effect: name, actor: self.id });
  };
}
