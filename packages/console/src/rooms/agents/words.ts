/** What the console calls things of agents. */
import type { AgentRequest, RequestStatus } from '../../api/agent-types.ts';
import type { AgentAttributes, Attention, RiskTier } from '../../api/types.ts';

export const RISK_TIERS: readonly RiskTier[] = ['low', 'medium', 'high', 'critical'];

export const ATTENTION: Readonly<Record<Attention, { readonly word: string; readonly means: string }>> = {
  dormant: { word: 'dormant', means: 'Active, and did nothing for a long time.' },
  never_used: { word: 'never used', means: 'It has not done anything yet.' },
  expiring: { word: 'ends soon', means: 'Its end is near.' },
  expired: { word: 'past its end', means: 'Its end is over: it does nothing.' },
  no_credential: { word: 'no credential', means: 'It has no live credential, so it cannot connect.' },
  orphan: { word: 'orphan', means: 'Its owner has left, or of its deputies nobody is left.' },
};

export const REQUEST_STATUSES: Readonly<Record<RequestStatus, string>> = {
  requested: 'waiting',
  approved: 'approved',
  denied: 'denied',
  withdrawn: 'withdrawn',
  expired: 'expired',
};

export const REQUEST_SOURCES: Readonly<Record<AgentRequest['source'], string>> = {
  api: 'the API',
  cli: 'the command line',
  console: 'the console',
  scim: 'a directory, over SCIM',
};

/** In the order in which they are shown. */
export const ATTRIBUTES: readonly { readonly name: keyof AgentAttributes; readonly label: string }[] = [
  { name: 'model', label: 'Model' },
  { name: 'prompt_version', label: 'Prompt version' },
  { name: 'prompt_sha256', label: 'Prompt digest' },
  { name: 'tools', label: 'Tools' },
  { name: 'framework', label: 'Framework' },
  { name: 'repository', label: 'Repository' },
  { name: 'deployment', label: 'Deployment' },
];

/** One line each, in a fixed order, so that versions can be compared line by line; tools one a line. */
export function attributesText(attributes: AgentAttributes): string {
  return ATTRIBUTES.flatMap(({ name }) => {
    const value = attributes[name];
    if (value === undefined) return [];
    return typeof value === 'string' ? [`${name}: ${value}`] : [`${name}:`, ...value.map((each) => `  - ${each}`)];
  })
    .map((line) => `${line}\n`)
    .join('');
}
