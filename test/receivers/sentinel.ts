/** The Logs Ingestion API of Azure Monitor, with the limits that hurt. */
import {
  json,
  objectIn,
  type Received,
  type Receiver,
  type ReceiverOptions,
  type Reply,
  startReceiver,
} from './receiver.ts';

const MB = 1024 * 1024;

export interface SentinelOptions extends ReceiverOptions {
  readonly tls: { readonly key: string; readonly cert: string };
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly ruleId: string;
  readonly stream: string;
}

export interface SentinelReceiver extends Receiver {
  readonly tokens: { count: number };
  /** Answers in place of the token endpoint while it is set. */
  instead: Reply | undefined;
}

/** The endpoint of a rule and the token endpoint of its tenant, at one address, by TLS alone. */
export async function startSentinel(options: SentinelOptions): Promise<SentinelReceiver> {
  const { tenantId, clientId, clientSecret, ruleId, stream } = options;
  const tokens = { count: 0 };
  const issued = new Set<string>();
  const path = `/dataCollectionRules/${ruleId}/streams/${stream}`;
  // Some repeat what they were shown.
  const refuse = ({ headers }: Received, status: number, code: string): Reply =>
    json(status, { error: { code, message: `refused ${headers.authorization ?? ''}: ${code}` } });

  const token = (request: Received): Reply => {
    if (sentinel.instead !== undefined) return sentinel.instead;
    const form = new URLSearchParams(request.body.toString());
    if (form.get('client_id') !== clientId || form.get('client_secret') !== clientSecret)
      return json(401, {
        error: 'invalid_client',
        // As Entra does not: it shows that nothing of this goes further.
        error_description: `AADSTS7000215: Invalid client secret ${form.get('client_secret') ?? ''}`,
      });
    if (form.get('scope')?.startsWith('https://monitor.azure.com/.default') !== true)
      return json(400, { error: 'invalid_scope' });
    tokens.count += 1;
    const access = `entra-token-${tokens.count}`;
    issued.add(access);
    return json(200, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: access });
  };

  const upload = (request: Received): Reply => {
    if (!issued.has(request.headers.authorization?.replace(/^Bearer /, '') ?? ''))
      return refuse(request, 401, 'InvalidToken');
    if (!request.path.startsWith(`/dataCollectionRules/${ruleId}/`)) return refuse(request, 404, 'NotFound');
    if (request.path !== path) return refuse(request, 400, 'InvalidStream');
    if (request.query.get('api-version') !== '2023-01-01') return refuse(request, 400, 'UnsupportedApiVersion');
    if (request.wireBytes > MB || request.body.length > MB) return refuse(request, 413, 'ContentLengthLimitExceeded');
    const rows: unknown = JSON.parse(request.body.toString());
    // An object is answered like an array, and nothing of it is stored.
    if (!Array.isArray(rows)) return { status: 204 };
    if (request.body.includes('poison')) return refuse(request, 400, 'InvalidRecord');
    return { status: 204, events: rows.map(kept) };
  };

  const receiver = await startReceiver(
    {
      isDelivery: (asked) => asked.startsWith('/dataCollectionRules/'),
      answer: (request) => {
        if (request.path.startsWith('/dataCollectionRules/')) return upload(request);
        if (request.path === `/${tenantId}/oauth2/v2.0/token`) return token(request);
        if (!request.path.endsWith('/.well-known/openid-configuration')) return { status: 404 };
        const base = `https://${request.headers.host ?? ''}/${tenantId}`;
        return json(200, {
          issuer: `${base}/v2.0`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          token_endpoint: `${base}/oauth2/v2.0/token`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
        });
      },
    },
    options,
  );
  const instead: Reply | undefined = undefined;
  const sentinel: SentinelReceiver = Object.assign(receiver, { tokens, instead });
  return sentinel;
}

/** A value has at most 64 KB there, and what is cut is not said. */
function kept(row: unknown): { readonly id: string; readonly seq: number | undefined; readonly event: unknown } {
  const event = Object.fromEntries(
    Object.entries(objectIn(row)).map(([name, value]) => [
      name,
      typeof value === 'string' ? Buffer.from(value).subarray(0, 65_536).toString() : value,
    ]),
  );
  return { id: String(event.event_id), seq: typeof event.seq === 'number' ? event.seq : undefined, event };
}
