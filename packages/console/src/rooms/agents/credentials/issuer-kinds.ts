/** What the platforms that vouch for workloads are called, and what is known of each beforehand. */
import type { IssuerKind } from '../../../api/agent-types.ts';

export const ISSUER_KINDS: Readonly<
  Record<
    IssuerKind,
    {
      readonly label: string;
      readonly issuer: string;
      readonly issuerHelp: string;
      readonly keys: string;
      readonly keysHelp: string;
    }
  >
> = {
  github: {
    label: 'GitHub Actions',
    issuer: 'https://token.actions.githubusercontent.com',
    issuerHelp: 'Of GitHub itself. GitHub Enterprise has its own.',
    keys: 'https://token.actions.githubusercontent.com/.well-known/jwks',
    keysHelp: 'Where its keys are.',
  },
  kubernetes: {
    label: 'Kubernetes',
    issuer: '',
    issuerHelp: 'kubectl get --raw /.well-known/openid-configuration says it as issuer.',
    keys: '',
    keysHelp:
      'The jwks_uri there. Where that is not reachable from here, paste what kubectl get --raw /openid/v1/jwks says.',
  },
  spiffe: {
    label: 'SPIFFE',
    issuer: '',
    issuerHelp: 'The trust domain, as spiffe://prod.acme.example.',
    keys: '',
    keysHelp: 'The bundle endpoint, or the bundle itself: spire-server bundle show -format spiffe.',
  },
  oidc: {
    label: 'OpenID Connect',
    issuer: '',
    issuerHelp: 'iss of its tokens, byte for byte.',
    keys: '',
    keysHelp: 'The jwks_uri of its discovery document.',
  },
};
