/** People sign in. Nothing deeper in this folder is imported from outside. */
export { answerRefused, answerSignedIn } from './answer.ts';
export { signInWith } from './complete.ts';
export { checkProviderUrl, createGuardedFetch, type GuardedFetch } from './guarded-fetch.ts';
export {
  createInvitation,
  findInvitation,
  openInvitation,
  shownInvitationSchema,
  useInvitation,
} from './invitations.ts';
export { acceptOnce } from './once.ts';
export { type PendingSignIn, takePending } from './pending.ts';
export type { Beginning, Departure, Protocol } from './protocol.ts';
export {
  commonChange,
  commonSettings,
  type IdentityProvider,
  readActiveProvider,
  readProviderOfKind,
} from './provider.ts';
export { changedCommon, commonOf, insertProvider, providerSchema, updateProvider, viewOf } from './providers.ts';
export { recordRefusal, refusalRecord } from './refusals.ts';
export { createSignIn, type SignInParts } from './sign-in.ts';
export type { VerifiedSignIn } from './verified.ts';
