// The first example of the README: two processes and a nested supervisor; one crashes and is restarted; the tree stops in reverse.
import { createTree, toText } from 'supertree';

const tree = createTree({
  children: [
    { id: 'clock', command: ['sh', '-c', 'while date; do sleep 1; done'] },
    { id: 'flaky', command: ['sh', '-c', 'sleep 0.2; [ {incarnation} -gt 1 ] && exec sleep 60; exit 3'] },
    {
      id: 'workers',
      strategy: 'rest_for_one',
      children: [
        { id: 'ticker', task: ({ signal }) => new Promise((done) => signal.addEventListener('abort', () => done())) },
      ],
    },
  ],
});
tree.subscribe((report) => console.log(toText(report)));
await tree.start();
await new Promise((resolve) => setTimeout(resolve, 1000));
await tree.stop();
