/** A whole server with a SCIM connection, and requests as a directory sends them. */

import { openWorld, type World } from '../agents/world.ts';
import { type Answer, clientOf } from '../api/client.ts';

export interface Directory {
  readonly world: World;
  readonly token: string;
  /** Below `/scim/v2`. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A User with this name, and whatever else is given. */
  user(name: string, more?: object): Promise<Answer['body']>;
  group(displayName: string, members?: readonly string[]): Promise<Answer['body']>;
  patch(path: string, ...operations: readonly object[]): Promise<Answer>;
}

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export async function openDirectory(world?: World, name = 'okta', more: object = {}): Promise<Directory> {
  const in_ = world ?? (await openWorld());
  const { token } = await in_.ok('POST', '/v1/scim-connections', { name, ...more });
  return directoryOf(in_, token);
}

export function directoryOf(world: World, token: string): Directory {
  const call = clientOf(world.server);
  const directory: Directory = {
    world,
    token,
    send: async (method, path, body, headers) => {
      const answer = await call(method, `/scim/v2${path}`, {
        key: token,
        ...(body === undefined ? {} : { body }),
        ...(headers === undefined ? {} : { headers }),
      });
      const isScim = answer.headers.get('content-type')?.startsWith('application/scim+json') === true;
      return isScim ? { ...answer, body: JSON.parse(answer.body) } : answer;
    },
    user: async (userName, change = {}) => {
      const { status, body } = await directory.send('POST', '/Users', { schemas: [USER], userName, ...change });
      if (status !== 201) throw new Error(`${userName}: ${status} ${JSON.stringify(body)}`);
      return body;
    },
    group: async (displayName, members = []) => {
      const { status, body } = await directory.send('POST', '/Groups', {
        schemas: [GROUP],
        displayName,
        members: members.map((value) => ({ value })),
      });
      if (status !== 201) throw new Error(`${displayName}: ${status} ${JSON.stringify(body)}`);
      return body;
    },
    patch: (path, ...operations) => directory.send('PATCH', path, { schemas: [PATCH], Operations: operations }),
  };
  return directory;
}
