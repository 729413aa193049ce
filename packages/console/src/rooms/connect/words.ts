/** What the person is told of a client, in words. Pure. */
import type { ConnectionRequest } from '../../api/agent-types.ts';

const ENTRANCES: Readonly<Record<string, string>> = {
  mcp: 'MCP tools',
  http: 'HTTP APIs',
  actions: 'the decision API',
};

/** What the client reaches through the agent. */
export function opensWords({ entrances }: Pick<ConnectionRequest, 'entrances'>): string {
  const words = entrances.map((each) => ENTRANCES[each] ?? each);
  const list = words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
  return `${list}, as far as the roles of the agent go`;
}

/** Why to look twice at where the answer goes; undefined when it goes to the host that vouches for the client. */
export function redirectWarning({
  redirect_kind: kind,
  redirect_host: to,
  client_host: host,
}: Pick<ConnectionRequest, 'redirect_kind' | 'redirect_host' | 'client_host'>): string | undefined {
  switch (kind) {
    case 'local':
      return 'The answer goes to a program on this computer, and any program here could have asked. Allow it only if you have started the sign-in yourself, just now.';
    case 'app':
      return `The answer goes to whichever program on this computer opens ${to} addresses. Allow it only if you have started the sign-in yourself, just now.`;
    case 'private':
      return `The answer goes into a private network, to ${to}. Allow it only if you know what is there.`;
    case 'public':
      return host === null || host === to
        ? undefined
        : `The answer goes to ${to}, which is another host than the one that vouches for the client.`;
  }
}

const REFUSED: Readonly<Record<string, string>> = {
  invalid_client: 'Nobody here knows the client, or the document about it cannot be used.',
  invalid_client_metadata: 'The document about the client cannot be used.',
  invalid_redirect_uri: 'The client wanted the answer at an address that is not registered for it.',
  invalid_request: 'The request of the client was not complete, or was answered in another browser.',
  session_not_found: 'The request was begun in another browser, was answered already, or has taken too long.',
  temporarily_unavailable: 'The server could not look into it just now.',
};

export function refusedWords(code: string): string {
  return REFUSED[code] ?? 'The request of the client was refused.';
}
