// A parallel start: `db` and `mail` start together, `web` when both are ready; meanwhile its state says for whom it waits.
import { createTree } from 'supertree';

const readiness = { type: 'log', pattern: /ready/ } as const;
const service = (id: string, seconds: number) => ({
  id,
  command: ['sh', '-c', `sleep ${seconds}; echo ready; exec sleep 60`],
  readiness,
});

await using tree = createTree({
  start: 'parallel',
  children: [{ ...service('web', 0), after: ['db', 'mail'] }, service('db', 0.4), service('mail', 0.1)],
});
tree.subscribe('started', ({ path }) => console.log(`${path} started`));
tree.subscribe('ready', ({ path }) => console.log(`${path} ready`));
const booted = tree.start();
console.log(`root/web is ${tree.agent('web').view().detail}`);
await booted;
