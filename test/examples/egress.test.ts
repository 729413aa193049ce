/** The examples that close egress say what the guide says they do. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const FOLDER = fileURLToPath(new URL('../../examples/egress/', import.meta.url));
const read = (name: string): string => readFileSync(`${FOLDER}${name}`, 'utf8');
const GATEWAY_PORT = 7420;

/** Tags of CloudFormation stand for what is filled in later. */
function parsed(name: string) {
  const references = ['!Ref', '!Sub', '!GetAtt'].map((tag) => ({ tag, resolve: (text: string) => ({ [tag]: text }) }));
  const documents = parseAllDocuments(read(name), { customTags: references });
  if (!Array.isArray(documents)) throw new Error(`${name} is empty`);
  for (const { errors, warnings } of documents) expect([name, ...errors, ...warnings]).toEqual([name]);
  return documents.map((document) => document.toJS());
}

it('each is named in the guide, and the guide names no other', () => {
  const guide = readFileSync(fileURLToPath(new URL('../../docs/guides/egress.md', import.meta.url)), 'utf8');
  const named = [...guide.matchAll(/examples\/egress\/([\w.-]+)\)/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(readdirSync(FOLDER).sort());
});

describe('kubernetes.yaml', () => {
  const objects = parsed('kubernetes.yaml');
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');

  it('refuses all of the namespace first, and allows the gateway’s port alone', () => {
    const [deny, allow, ...others] = policies.filter(({ metadata }) => metadata.namespace === 'agents');
    expect(others).toEqual([]);
    expect(deny.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(allow.spec.podSelector).toEqual({});
    expect(allow.spec.egress).toHaveLength(1);
    const [{ to, ports }] = allow.spec.egress;
    // One entry with both selectors: two entries would mean "or".
    expect(to).toHaveLength(1);
    expect(Object.keys(to[0]).sort()).toEqual(['namespaceSelector', 'podSelector']);
    expect(ports).toEqual([{ protocol: 'TCP', port: GATEWAY_PORT }]);
  });

  it('lets nobody but the gateway into an upstream', () => {
    const [upstream] = policies.filter(({ metadata }) => metadata.namespace === 'crm');
    expect(upstream.spec.policyTypes).toEqual(['Ingress']);
    expect(upstream.spec.ingress).toHaveLength(1);
    expect(Object.keys(upstream.spec.ingress[0].from[0]).sort()).toEqual(['namespaceSelector', 'podSelector']);
  });

  it('gives the agent no token of the cluster and no resolver', () => {
    const { spec } = objects.find(({ kind }) => kind === 'Pod');
    expect(spec).toMatchObject({ automountServiceAccountToken: false, dnsPolicy: 'None' });
    expect(spec.dnsConfig.nameservers).toEqual(['127.0.0.1']);
    expect(JSON.stringify(spec)).not.toMatch(/hostNetwork|hostPID|hostPath|privileged/);
  });
});

it('compose.yaml: the agent’s only network is internal, shared with the gateway alone, and the database has its own', () => {
  const [{ services, networks, secrets }] = parsed('compose.yaml');
  expect(services.agent.networks).toEqual(['agents']);
  expect(networks.agents.internal).toBe(true);
  expect(networks.database.internal).toBe(true);
  const members = (network: string): string[] =>
    Object.entries<{ networks: object | string[] }>(services)
      .filter(([, { networks: of }]) => (Array.isArray(of) ? of : Object.keys(of)).includes(network))
      .map(([name]) => name);
  expect(members('agents')).toEqual(['agent', 'hivekey']);
  expect(members('database')).toEqual(['hivekey', 'postgres']);
  expect(JSON.stringify(services)).not.toMatch(/docker\.sock|privileged|"network_mode"/);
  for (const { secrets: used = [] } of Object.values<{ secrets?: string[] }>(services))
    for (const name of used) expect(secrets).toHaveProperty(name);
});

it('agent.service: denies any address before it allows one, and shows the agent no socket of containers', () => {
  const settings = new Map<string, string>();
  let section = '';
  for (const line of read('agent.service').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, head] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (head !== undefined) section = head;
    else if (key === undefined) throw new Error(`not a line of a unit: ${line}`);
    else settings.set(`${section}.${key}`, value ?? '');
  }
  expect(settings.get('Service.IPAddressDeny')).toBe('any');
  expect(settings.get('Service.IPAddressAllow')).toBe('10.20.0.5/32');
  expect(settings.get('Service.Environment')).toBe(`HIVEKEY_URL=http://10.20.0.5:${GATEWAY_PORT}`);
  // No socket of the file system: not the container runtime's either.
  expect(settings.get('Service.RestrictAddressFamilies')).toBe('AF_INET AF_INET6');
  expect(settings.get('Service.User')).toBe('agent');
  expect([...settings.keys()].filter((key) => /Environment.*(KEY|SECRET)/.test(settings.get(key) ?? ''))).toEqual([]);
});

it('agent.nft: after the gateway everything of the agent is rejected', () => {
  const text = read('agent.nft').replaceAll(/#.*$/gm, '');
  const [, chain = ''] = /chain output \{([^}]*)\}/.exec(text) ?? [];
  const rules = chain
    .split('\n')
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '');
  expect(rules).toEqual([
    'type filter hook output priority filter; policy accept;',
    'meta skuid != "agent" accept',
    `ip daddr $gateway tcp dport ${GATEWAY_PORT} accept`,
    'counter reject with icmpx type admin-prohibited',
  ]);
  // Both families, so that IPv6 is not a way around.
  expect(text).toContain('table inet hivekey_agents {');
});

it('aws-security-groups.yaml: one way out, to the gateway, with metadata and names closed', () => {
  const document = parsed('aws-security-groups.yaml')[0];
  const resources = Object.entries<{ Type: string; Properties: Record<string, unknown> }>(document.Resources);
  const of = (type: string) =>
    resources.filter(([, { Type }]) => Type === type).map(([, { Properties }]) => Properties);
  expect(of('AWS::EC2::SecurityGroupEgress')).toEqual([
    {
      GroupId: { '!Ref': 'Agents' },
      DestinationSecurityGroupId: { '!Ref': 'Gateway' },
      IpProtocol: 'tcp',
      FromPort: GATEWAY_PORT,
      ToPort: GATEWAY_PORT,
    },
  ]);
  expect(document.Resources.Agents.Properties.SecurityGroupEgress).toMatchObject([{ CidrIp: '127.0.0.1/32' }]);
  const [{ LaunchTemplateData }] = of('AWS::EC2::LaunchTemplate') as [{ LaunchTemplateData: object }];
  expect(LaunchTemplateData).toMatchObject({ MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 } });
  const references = JSON.stringify(document.Resources).matchAll(/\{"!Ref":"(\w+)"\}/g);
  const known = new Set([...Object.keys(document.Resources), ...Object.keys(document.Parameters)]);
  for (const [, name = ''] of references) expect(known).toContain(name);
});
