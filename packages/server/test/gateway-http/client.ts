/** Requests to the gateway as an agent makes them, and as nobody's HTTP library would. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Parsed JSON; undefined for anything else. */
  // biome-ignore lint/suspicious/noExplicitAny: tests compare it with what they expect
  readonly body: any;
}

export interface HttpCall {
  /** Sent as JSON; a string or bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** The target goes out as it is written: no library makes another of it. */
export function agentOf(url: string, token: string) {
  const { hostname, port } = new URL(url);
  return async (method: string, path: string, { body, headers = {} }: HttpCall = {}): Promise<HttpAnswer> => {
    const bytes =
      body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const sent = request({
      hostname,
      port,
      method,
      path,
      agent: false,
      headers: {
        authorization: `Bearer ${token}`,
        ...(bytes === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(bytes)) }),
        ...headers,
      },
    });
    sent.end(bytes);
    const [response] = await once(sent, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const isJson = /json/.test(String(response.headers['content-type']));
    return {
      status: response.statusCode,
      headers: response.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    };
  };
}

/** Bytes in, bytes out, until the server closes. */
export async function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}
