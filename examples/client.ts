// Drives a server from another program: starts an agent, writes to it, reads what it says, and how it ended. Names the server by
// SUPERTREE_ENDPOINT; without it, the server of this user.
import { connect } from 'supertree/client';

const client = await connect();

await client.spawn({ id: 'hello', command: ['sh', '-c', 'echo hello; read line; echo "$line"'], restart: 'temporary' });
await client.send('hello', 'good-bye\n');
for await (const item of client.logs('hello', { follow: true })) {
  if (item.type === 'line') console.log(item.text.trimEnd());
}
const { path, exit } = await client.status('hello');
console.log(`${path} exited with ${exit?.code}`);
await client.close();
