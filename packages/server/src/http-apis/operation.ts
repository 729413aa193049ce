/** One operation of a REST API, as it is pinned. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof METHODS)[number];

export interface ParameterDefinition {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required: boolean;
  readonly style?: string;
  readonly explode?: boolean;
  readonly schema?: JsonObject;
  readonly content?: JsonObject;
}

/** All that decides what a request may be, and what people read when they approve it; no more of the document. */
export interface OperationDefinition {
  /** Version of OpenAPI that it is written in. */
  readonly openapi: string;
  readonly operation: string;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly ParameterDefinition[];
  readonly requestBody?: JsonObject;
  /** `x-hivekey-impact`. */
  readonly impact?: JsonValue;
  /** What parameters and body refer to. */
  readonly components: { readonly schemas: JsonObject };
}
