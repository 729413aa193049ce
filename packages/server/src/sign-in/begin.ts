/** A browser leaves for an identity provider. */
import type { ApiContext, FastifyRequest } from '../api/route.ts';
import { isHttps } from '../identity/index.ts';
import type { SessionId } from '../ids.ts';
import { type BegunSignIn, keepPending, newState, type SignInPurpose } from './pending.ts';
import type { Protocol } from './protocol.ts';
import type { IdentityProvider, ProviderKind } from './provider.ts';
import { returnPath } from './return-path.ts';

export type Protocols = Readonly<Record<ProviderKind, Protocol>>;

export interface Wish {
  readonly purpose: SignInPurpose;
  readonly returnTo: string | undefined;
  /** The session that the browser has. */
  readonly sessionId: SessionId | null;
  readonly invitationId: string | null;
  readonly loginHint?: string | undefined;
}

/** Where the browser is to go, and the cookie that it is to bring back. */
export async function beginSignIn(
  context: Pick<ApiContext, 'pool' | 'keys' | 'url'>,
  protocols: Protocols,
  request: Pick<FastifyRequest, 'headers'>,
  provider: IdentityProvider,
  { purpose, returnTo, sessionId, invitationId, loginHint }: Wish,
): Promise<BegunSignIn & { readonly url: string }> {
  const state = newState();
  const departure = await protocols[provider.kind].begin({ provider, state, purpose, loginHint });
  const begun = await keepPending(
    context.pool,
    context.keys.pepper,
    request,
    state,
    {
      workspaceId: provider.workspaceId,
      providerId: provider.id,
      purpose,
      sessionId,
      invitationId,
      returnTo: returnPath(returnTo),
      expected: departure.expected,
    },
    { secure: isHttps(context), crossSite: departure.crossSite },
  );
  return { ...begun, url: departure.url };
}
