/** What an agent may call of an API, as an OpenAPI document. Pure. */
import { parseJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { Api } from '../../http-apis/index.ts';

/** Only what is granted; an API of which nothing is looks like one that does not exist. */
export function listingFor(api: Api | undefined, namespace: string, granted: ReadonlySet<string>): JsonObject {
  const paths = new Map<string, [string, JsonObject][]>();
  const schemas = new Map<string, unknown>();
  for (const { capability, method, path, definition } of api?.operations ?? []) {
    if (!granted.has(capability)) continue;
    const { operation, summary, description, parameters, requestBody, components } = definition;
    const shown = {
      operationId: operation ?? '',
      'x-hivekey-capability': capability,
      ...(summary === '' || summary === undefined ? {} : { summary }),
      ...(description === '' || description === undefined ? {} : { description }),
      parameters: parameters ?? [],
      ...(requestBody === undefined ? {} : { requestBody }),
      responses: { default: { description: 'As the API answers.' } },
    };
    const item = paths.get(path) ?? [];
    item.push([method.toLowerCase(), shown]);
    paths.set(path, item);
    for (const [name, schema] of schemasOf(components)) schemas.set(name, schema);
  }
  const isOld = paths.size > 0 && api?.stored.document?.openapi.startsWith('3.0') === true;
  return parseJson(
    JSON.stringify({
      openapi: isOld ? '3.0.3' : '3.1.0',
      info: { title: namespace, version: '1' },
      servers: [{ url: `/http/${namespace}` }],
      paths: Object.fromEntries([...paths].map(([path, item]) => [path, Object.fromEntries(item)])),
      components: { schemas: Object.fromEntries(schemas) },
    }),
  );
}

function schemasOf(components: JsonObject[string] | undefined): readonly (readonly [string, unknown])[] {
  if (typeof components !== 'object' || components === null || !('schemas' in components)) return [];
  const { schemas } = components;
  return typeof schemas === 'object' && schemas !== null ? Object.entries(schemas) : [];
}
