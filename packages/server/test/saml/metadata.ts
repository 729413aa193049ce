/** Metadata of an identity provider. */
import { der, IDP } from './messages.ts';

export interface MetadataParts {
  readonly entityId?: string;
  readonly sso?: string;
  readonly logout?: string;
  /** PEM. */
  readonly certificates?: readonly string[];
}

export function metadataXml({
  entityId = 'https://idp.acme.example/saml',
  sso = 'https://idp.acme.example/sso',
  logout,
  certificates = [IDP.certificate],
}: MetadataParts): string {
  const keys = certificates.map(
    (each) =>
      `<KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${der(each)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`,
  );
  const redirect = 'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"';
  const slo = logout === undefined ? '' : `<SingleLogoutService ${redirect} Location="${logout}"/>`;
  return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${keys.join('')}${slo}<SingleSignOnService ${redirect} Location="${sso}"/></IDPSSODescriptor></EntityDescriptor>`;
}
