/** ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 section 4, RFC 7643 sections 5 to 7). Pure. */
import { BULK_LIMITS } from './bulk-request.ts';
import { MAX_RESULTS } from './query.ts';
import type { Attribute, ResourceType, Schema } from './schema.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0';

export type Discovered = { readonly [name: string]: unknown };

export function serviceProviderConfig(base: string, documentation: string): Discovered {
  return {
    schemas: [`${CORE}:ServiceProviderConfig`],
    documentationUri: documentation,
    patch: { supported: true },
    bulk: { supported: true, ...BULK_LIMITS },
    filter: { supported: true, maxResults: MAX_RESULTS },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token of the SCIM connection',
        description: 'Made with POST /v1/scim-connections, and rotated there.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

export function resourceTypeBody(base: string, type: ResourceType): Discovered {
  return {
    schemas: [`${CORE}:ResourceType`],
    id: type.name,
    name: type.name,
    endpoint: type.endpoint,
    description: type.description,
    schema: type.schema.id,
    schemaExtensions: type.extensions.map(({ id }) => ({ schema: id, required: false })),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${type.name}` },
  };
}

export function schemaBody(base: string, { id, name, description, attributes }: Schema): Discovered {
  return {
    schemas: [`${CORE}:Schema`],
    id,
    name,
    description,
    attributes: attributes.map(attributeBody),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  };
}

function attributeBody(attribute: Attribute): Discovered {
  const { subAttributes, referenceTypes, ...traits } = attribute;
  return {
    ...traits,
    ...(attribute.type === 'reference' ? { referenceTypes } : {}),
    ...(attribute.type === 'complex' ? { subAttributes: subAttributes.map(attributeBody) } : {}),
  };
}
