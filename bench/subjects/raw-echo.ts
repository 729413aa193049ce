/** Baseline and upstream: the least a Node.js HTTP server can do for a tools/call. Prints its port. */
import { createServer } from 'node:http';
import { echoAnswer } from '../echo.ts';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(echoAnswer(JSON.parse(Buffer.concat(chunks).toString())));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`port ${address.port}\n`);
});
