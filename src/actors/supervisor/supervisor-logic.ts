import { supervisorMachine } from '../../machines/supervisor.js';
import { systemRootMachine } from '../../machines/system-root.js';
import type { World } from '../world.js';
import type { SupervisorNode } from './node.js';

/** Provides the effects of the supervisor's chart, once per tree. */
export function createSupervisorLogic(world: World): typeof supervisorMachine {
  /** Performed when the step of the chart is over, so that its new state is read then. */
  const afterStep =
    <P>(act: (node: SupervisorNode, params: P) => void) =>
    ({ context }: { context: { path: string } }, params: P): void => {
      const node = world.registry.supervisor(context.path);
      world.steps.record(node, () => act(node, params));
    };
  return supervisorMachine.provide({
    actions: {
      announce: afterStep((node) => node.reportStatus()),
      cancelRetries: afterStep((node) => node.cancelRetries()),
      ready: afterStep((node) => node.notifyReady()),
      finish: afterStep((node, end) => node.notifyEnd(end)),
      reportError: ({ context }, { error }) => world.reportError(context.path, error),
    },
  });
}

/** Provides the effects of the chart of a further system's root. */
export function createSystemRootLogic(world: World): typeof systemRootMachine {
  return systemRootMachine.provide({
    actions: {
      reportError: ({ self }, { error }) => world.reportError(self.id, error),
    },
  });
}
