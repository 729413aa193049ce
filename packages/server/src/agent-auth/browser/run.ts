/** A request is put to oidc-provider without a connection, so that what answers it is our own server, with its own headers. */
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

export interface Asked {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly form?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: unknown;
  readonly oidc: KoaContextWithOIDC['oidc'];
}

const answered = new WeakMap<IncomingMessage, KoaContextWithOIDC>();
const failed = new WeakMap<IncomingMessage, unknown>();

/** To be called once: what the provider would send is kept instead. */
export function keepAnswers(provider: Provider): void {
  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    context.respond = false;
    try {
      await next();
      answered.set(context.req, context);
    } catch (error) {
      failed.set(context.req, error);
    }
  });
}

/** Request and response as the interactions of the provider take them. */
export function messagesOf(url: string, { method, target, headers, form }: Asked) {
  const { host, protocol } = new URL(url);
  const request = new IncomingMessage(Object.assign(new Socket(), { encrypted: protocol === 'https:' }));
  request.method = method;
  request.url = target;
  for (const [name, value] of Object.entries({ ...headers, host }))
    if (value !== undefined) request.headers[name] = value;
  if (form !== undefined) {
    request.headers['content-type'] = 'application/x-www-form-urlencoded';
    request.headers['content-length'] = String(Buffer.byteLength(form));
    request.push(form);
  }
  request.push(null);
  return { request, response: new ServerResponse(request) };
}

export async function run(provider: Provider, url: string, asked: Asked): Promise<Answered> {
  const { request, response } = messagesOf(url, asked);
  await provider.callback()(request, response);
  const context = answered.get(request);
  if (context === undefined) throw new Error('oidc-provider did not answer', { cause: failed.get(request) });
  return { status: context.status, headers: response.getHeaders(), body: context.body, oidc: context.oidc };
}
