import { openFloor, openServer } from './measured-server.js';
import { numbers, type OpenSupervisor } from './supervisor.js';

const EAGER = { maxRestarts: 1_000_000, within: 60_000, backoff: { initial: 0, max: 0 } };

/** The bundled server, driven through `supertree/client`, without a delay before restarts, which the others do not have either. */
export const openSupertree: OpenSupervisor = async (agents, directory) => {
  const { process, client } = await openServer(directory, agents.count, EAGER);
  // The first agent brings the keeper.
  await client.spawn({ id: 'first', command: ['true'], restart: 'temporary' });
  const ask = (id: number) => client.spawn({ id: `a${id}`, command: agents.command(id), restart: 'permanent' });
  return {
    pid: () => process.pid,
    start: () => Promise.all(numbers(agents).map(ask)),
    stop: (some) => Promise.all(some.map((agent) => client.stop(`a${agent}`))),
  };
};

/** Bare Node, which spawns again what ends. */
export const openBare: OpenSupervisor = async (agents) => {
  const floor = await openFloor();
  return {
    pid: () => floor.pid,
    start: () => floor.ask({ type: 'supervise', commands: numbers(agents).map((agent) => agents.command(agent)) }),
    stop: (some) => floor.ask({ type: 'end', agents: some }),
  };
};
