/** Metadata (SAML V2.0 Metadata, OASIS 2005): what a provider says of itself, and what we say to it. Pure. */
import { Failure } from '../errors.ts';
import { MAX_CERTIFICATES, readCertificate } from './certificates.ts';
import { HTTP_POST, HTTP_REDIRECT, METADATA, PROTOCOL, XMLDSIG } from './names.ts';
import { childrenNamed, escapeXml, onlyChild, readXml, walk, type XmlElement } from './xml.ts';

export interface ProviderMetadata {
  readonly entityId: string;
  /** Where browsers are sent with a request, by redirect. */
  readonly ssoUrl: string;
  /** Where answers to a logout go, by redirect. */
  readonly logoutUrl: string | null;
  /** Base64 of the DER of each. */
  readonly certificates: readonly string[];
}

/** Throws `metadata_invalid`. */
export function readMetadata(text: string, nowMs: number): ProviderMetadata {
  const read = readXml(text);
  if (!read.ok) throw invalid(read.problem);
  const entities = [...walk(read.root)].filter(
    ({ namespace, name }) => namespace === METADATA && name === 'EntityDescriptor',
  );
  const providers = entities.filter((entity) => childrenNamed(entity, METADATA, 'IDPSSODescriptor').length > 0);
  const [entity] = providers;
  if (entity === undefined || providers.length > 1) throw invalid('they do not describe exactly one identity provider');
  const descriptor = childrenNamed(entity, METADATA, 'IDPSSODescriptor').find(({ attributes }) =>
    (attributes.get('protocolSupportEnumeration') ?? '').split(/\s+/).includes(PROTOCOL),
  );
  if (descriptor === undefined) throw invalid('the provider does not speak SAML 2.0');
  const entityId = entity.attributes.get('entityID') ?? '';
  if (entityId === '' || entityId.length > 1024) throw invalid('they have no entity id');
  for (const { attributes } of [read.root, entity, descriptor]) {
    const until = attributes.get('validUntil');
    if (until !== undefined && !(Date.parse(until) > nowMs))
      throw invalid(`they were valid until ${until.slice(0, 40)}`);
  }
  if (['true', '1'].includes(descriptor.attributes.get('WantAuthnRequestsSigned') ?? ''))
    throw invalid('the provider takes signed requests alone, and HiveKey signs none');
  const ssoUrl = locationOf(descriptor, 'SingleSignOnService', 'Location');
  if (ssoUrl === undefined) throw invalid('the provider has no sign-in address for the redirect binding');
  return {
    entityId,
    ssoUrl,
    logoutUrl:
      locationOf(descriptor, 'SingleLogoutService', 'ResponseLocation') ??
      locationOf(descriptor, 'SingleLogoutService', 'Location') ??
      null,
    certificates: certificatesOf(descriptor),
  };
}

function locationOf(descriptor: XmlElement, service: string, attribute: string): string | undefined {
  const found = childrenNamed(descriptor, METADATA, service).find(
    ({ attributes }) => attributes.get('Binding') === HTTP_REDIRECT,
  );
  const location = found?.attributes.get(attribute);
  if (location === undefined) return undefined;
  const url = URL.parse(location);
  if (url === null || location.length > 1024 || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid(`the ${attribute} of ${service} is not an address`);
  return location;
}

function certificatesOf(descriptor: XmlElement): readonly string[] {
  const found = new Set<string>();
  for (const key of childrenNamed(descriptor, METADATA, 'KeyDescriptor')) {
    if ((key.attributes.get('use') ?? 'signing') !== 'signing') continue;
    const info = onlyChild(key, XMLDSIG, 'KeyInfo');
    for (const data of info === undefined ? [] : childrenNamed(info, XMLDSIG, 'X509Data')) {
      for (const { text } of childrenNamed(data, XMLDSIG, 'X509Certificate')) {
        const read = readCertificate(text);
        if (!read.ok) throw invalid(read.problem);
        found.add(read.der);
      }
    }
  }
  if (found.size === 0 || found.size > MAX_CERTIFICATES)
    throw invalid(`they have ${found.size} signing certificates; 1 to ${MAX_CERTIFICATES} can be used`);
  return [...found];
}

function invalid(problem: string): Failure {
  return new Failure(
    400,
    'metadata_invalid',
    `The metadata cannot be used: ${problem}.`,
    'Give the metadata XML of the identity provider, as it publishes them.',
  );
}

/** Addresses of ours that a provider is told, all of one registration: what is made for one is good for no other. */
export interface OwnAddresses {
  readonly entityId: string;
  readonly acsUrl: string;
  readonly logoutUrl: string;
}

/** `url`: origin that people use. */
export function ownAddresses(url: string, providerId: string): OwnAddresses {
  const base = `${url}/v1/sign-in/${providerId}`;
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs`, logoutUrl: `${base}/logout` };
}

/** Without a key: requests are not signed, and assertions are not to be encrypted. */
export function ownMetadata({ entityId, acsUrl, logoutUrl }: OwnAddresses): string {
  const at = (binding: string, location: string) => `Binding="${binding}" Location="${escapeXml(location)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<EntityDescriptor xmlns="${METADATA}" entityID="${escapeXml(entityId)}">`,
    `  <SPSSODescriptor protocolSupportEnumeration="${PROTOCOL}" AuthnRequestsSigned="false" WantAssertionsSigned="true">`,
    `    <SingleLogoutService ${at(HTTP_REDIRECT, logoutUrl)}/>`,
    `    <AssertionConsumerService ${at(HTTP_POST, acsUrl)} index="0" isDefault="true"/>`,
    '  </SPSSODescriptor>',
    '</EntityDescriptor>',
    '',
  ].join('\n');
}
