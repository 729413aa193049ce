// Preloaded into the conformance suite, which cannot send headers of its own: adds the agent token to
// every request for the gateway's origin, in undici (fetch) and in node:http.
import { subscribe } from 'node:diagnostics_channel';

const { CONFORMANCE_ORIGIN: origin, CONFORMANCE_TOKEN: token } = process.env;

subscribe('undici:request:create', ({ request }) => {
  if (String(request.origin) === origin) request.addHeader('authorization', `Bearer ${token}`);
});

subscribe('http.client.request.created', ({ request }) => {
  if (`http://${request.getHeader('host')}` === origin || `http://${request.host}:${request.port}` === origin)
    request.setHeader('authorization', `Bearer ${token}`);
});
