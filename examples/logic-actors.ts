// Any XState logic can be an agent: it is started in order, restarted when it fails, and stopped like a process.
import { createTree, toText } from 'supertree';
import { assign, setup } from 'xstate';

const counter = setup({
  types: {
    context: {} as { count: number; limit: number },
    events: {} as { type: 'input'; text: string },
    input: {} as { limit: number },
  },
  actions: {
    count: assign({ count: ({ context }) => context.count + 1 }),
    burst: ({ context }) => {
      if (context.count > context.limit) throw new Error(`counted to ${context.count}, the limit is ${context.limit}`);
    },
  },
}).createMachine({
  context: ({ input }) => ({ count: 0, limit: input.limit }),
  on: { input: { actions: ['count', 'burst'] } },
});

await using tree = createTree({
  backoff: { initial: 10 },
  children: [
    { id: 'counter', logic: counter, input: { limit: 2 } },
    {
      id: 'greeter',
      task: async ({ log, onInput, signal }) => {
        onInput((text) => log(`hello ${text}`));
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
  ],
});
tree.subscribe((report) => {
  if (report.type === 'exited' || report.type === 'ready') console.log(toText(report).replace(/ after \d+ ms/, ''));
});
await tree.start();
await tree.agent('greeter').write('world');
for (let n = 0; n < 3; n++) await tree.agent('counter').write('tick');
while (!isBack()) await new Promise((resolve) => setTimeout(resolve, 10));
for (const line of tree.agent('greeter').output().lines) console.log(Buffer.from(line.bytes).toString().trim());

function isBack(): boolean {
  const { restarts, state } = tree.agent('counter').view();
  return restarts > 0 && state === 'running';
}
