import { supervisorMachine } from '../../machines/supervisor.js';
import { systemRootMachine } from '../../machines/system-root.js';
import type { World } from '../world.js';
import type { SupervisorNode } from './node.js';

/** Gives the supervisor's chart its hands, once per tree. */
export function createSupervisorLogic(world: World): typeof supervisorMachine {
  const nodeOf = (context: { path: string }): SupervisorNode => world.registry.supervisor(context.path);
  return supervisorMachine.provide({
    actions: {
      decide: ({ context }, event) => nodeOf(context).perform(event),
      boot: ({ context }) => nodeOf(context).perform({ type: 'BOOT' }),
      halt: ({ context }, { brutal }) => nodeOf(context).perform({ type: 'HALT', brutal }),
      announce: ({ context }, { status }) => nodeOf(context).announce(status),
      finish: ({ context }) => nodeOf(context).tellEnded(),
      ready: ({ context }) => nodeOf(context).tellReady(),
      complain: ({ context }, { error }) => world.complain(context.path, error),
    },
  });
}

/** Gives the chart of a further system's root its hands. */
export function createSystemRootLogic(world: World): typeof systemRootMachine {
  return systemRootMachine.provide({
    actions: {
      complain: ({ self }, { error }) => world.complain(self.id, error),
    },
  });
}
