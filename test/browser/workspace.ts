/** A running server with a real MCP server behind it and agents that have acted: what the console is looked at with. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { startTestServer, type TestServer } from '../setup/server.ts';
import { type BillingServer, startBillingServer } from './billing-server.ts';

export interface Workspace {
  readonly server: TestServer;
  readonly billing: BillingServer;
  /** A call of the management API with the admin key; throws when it is refused. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Connects an unmodified MCP client with an agent token. */
  connect(token: string): Promise<Client>;
  close(): Promise<void>;
}

/** A tool as the registry lists it. */
interface Definition {
  readonly capability: string;
  readonly pin: string;
}

export async function startWorkspace(settings?: Parameters<typeof startTestServer>[0]): Promise<Workspace> {
  const server = await startTestServer(settings);
  const billing = await startBillingServer();
  const clients: Client[] = [];
  const api = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(new URL(path, server.url), {
      method,
      headers: { authorization: `Bearer ${server.adminKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    server,
    billing,
    api,
    connect: async (token) => {
      const client = new Client({ name: 'browser-test', version: '1' });
      await client.connect(
        new StreamableHTTPClientTransport(new URL('/mcp', server.url), {
          requestInit: { headers: { authorization: `Bearer ${token}` } },
        }),
      );
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.allSettled(clients.map((client) => client.close()));
      await server.close();
      await billing.close();
    },
  };
}

const ROLE_HEAD = { apiVersion: 'policy.hivekey.ai/v1', kind: 'Role' };

/** The billing server registered, its tools approved, two roles, an agent with a token. Gives the token. */
export async function furnish({ api, billing }: Workspace): Promise<string> {
  await api('POST', '/v1/mcp/servers', { namespace: 'billing', endpoint: billing.url, allow_private: true });
  const { data } = (await api('GET', '/v1/mcp/servers/billing/definitions')) as { data: Definition[] };
  for (const { capability, pin } of data) {
    const access = capability === 'billing.pay' || capability === 'billing.refund' ? 'write' : 'read';
    await api('POST', `/v1/mcp/servers/billing/definitions/${capability}/approve`, { pin, access });
  }
  await api('PUT', '/v1/roles/billing', {
    ...ROLE_HEAD,
    metadata: { name: 'billing', description: 'Pays invoices' },
    scope: { allow: ['billing.list_invoices', 'billing.pay', 'billing.slow_report'] },
    guards: [
      {
        id: 'approved-domains',
        action: 'billing.pay',
        when: { field: 'to.domain', in: ['acme.example', '*.acme.example'] },
        effect: 'allow',
        otherwise: 'deny',
      },
      { id: 'approval', action: 'billing.pay', when: { field: 'amount', gt: 200 }, effect: 'review' },
    ],
  });
  await api('PUT', '/v1/roles/read-only', {
    ...ROLE_HEAD,
    metadata: { name: 'read-only', description: 'Reads' },
    scope: { allow: ['billing.list_invoices'] },
    guards: [],
  });
  await api('POST', '/v1/agents', { name: 'billing-bot', roles: ['billing'], owner: 'dana@acme.example' });
  const { token } = (await api('POST', '/v1/tokens', { agent: 'billing-bot' })) as { token: string };
  return token;
}
