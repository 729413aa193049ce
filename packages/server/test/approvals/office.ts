/** A workspace with people who decide: each has a key of their own. */

import { startWorkspace, type Workspace } from '../actions/workspace.ts';
import { type Answer, type Call, clientOf } from '../api/client.ts';

export interface Decider {
  readonly email: string;
  readonly key: string;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** Reads the approval, and approves what was read. */
  approve(id: string, change?: object): Promise<Answer>;
  deny(id: string, reason?: string): Promise<Answer>;
}

export interface Office extends Workspace {
  /** A person with a key; the same person again gets another key. */
  person(name: string, change?: object): Promise<Decider>;
  /** An agent's request. */
  act(token: string, action: string, args: object, headers?: Record<string, string>): Promise<Answer>;
}

export async function openOffice(settings: Parameters<typeof startWorkspace>[0] = {}): Promise<Office> {
  return officeOf(await startWorkspace(settings));
}

let keys = 0;

export function officeOf(workspace: Workspace): Office {
  return {
    ...workspace,
    person: async (name, change = {}) => {
      const email = `${name}@acme.example`;
      const known = await workspace.call('GET', `/v1/people/${email}`);
      if (known.status === 404) await workspace.done('POST', '/v1/people', { email });
      if (Object.keys(change).length > 0) await workspace.done('PATCH', `/v1/people/${email}`, change);
      keys += 1;
      const { body } = await workspace.done('POST', '/v1/keys', { name: `${name}-${keys}`, person: email });
      const key: string = body.key;
      return deciderOf(workspace, email, key);
    },
    act: (token, action, args, headers = {}) =>
      workspace.call('POST', '/v1/actions', { key: token, body: { action, arguments: args }, headers }),
  };
}

export function deciderOf({ server }: Pick<Workspace, 'server'>, email: string, key: string): Decider {
  const call = clientOf({ url: server.url, adminKey: key });
  return {
    email,
    key,
    call,
    approve: async (id, change = {}) => {
      const { body } = await call('GET', `/v1/approvals/${id}`);
      return call('POST', `/v1/approvals/${id}/decide`, { body: { decision: 'approve', hash: body.hash, ...change } });
    },
    deny: (id, reason = '') => call('POST', `/v1/approvals/${id}/decide`, { body: { decision: 'deny', reason } }),
  };
}
