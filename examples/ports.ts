// Ports are leased, verified by binding, told as PORT and {port}, and the same agent gets the same one again after a crash.
import { createTree } from 'supertree';

const program = `require('node:http').createServer((_, reply) => reply.end('I am ' + process.argv[1])).listen(+process.env.PORT)`;

await using tree = createTree(
  {
    children: ['one', 'two'].map((id) => ({
      id,
      command: [process.execPath, '-e', program, `{id} on port {port}`],
      ports: ['http'],
      readiness: { type: 'port' as const },
    })),
  },
  { ports: { base: 18_100 } },
);
await tree.start();

for (const id of ['one', 'two']) console.log(await ask(id));
await tree.agent('one').signal('SIGKILL');
while (tree.agent('one').view().restarts === 0 || tree.agent('one').view().state !== 'running') {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(`after a crash: ${await ask('one')}`);

async function ask(id: string): Promise<string> {
  const { ports } = tree.agent(id).view();
  const reply = await fetch(`http://127.0.0.1:${ports.http}/`);
  return reply.text();
}
