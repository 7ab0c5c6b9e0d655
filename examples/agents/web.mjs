// Shows: an HTTP worker on a port that supertree leased for it (PORT), ready when that port accepts.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.end(`${process.env.SUPERTREE_AGENT_PATH}, incarnation ${process.env.SUPERTREE_INCARNATION}\n`);
});

server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log(`listening on ${process.env.PORT}`));

process.on('SIGTERM', () => {
  console.log('closing');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
