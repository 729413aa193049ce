/** People sign in. Nothing deeper in this folder is imported from outside. */
export { answerRefused, answerSignedIn } from './answer.ts';
export { type Completed, recordRefusal, signInWith, type VerifiedSignIn } from './complete.ts';
export { checkProviderUrl, createGuardedFetch, type GuardedFetch } from './guarded-fetch.ts';
export {
  createInvitation,
  findInvitation,
  openInvitation,
  shownInvitationSchema,
  useInvitation,
} from './invitations.ts';
export { acceptOnce } from './once.ts';
export { type PendingSignIn, type SignInPurpose, takePending } from './pending.ts';
export type { Beginning, Departure, Protocol } from './protocol.ts';
export {
  commonSettings,
  type IdentityProvider,
  type ProviderKind,
  readActiveProvider,
  readProviderOfKind,
} from './provider.ts';
export { changedCommon, commonOf, insertProvider, providerSchema, updateProvider, viewOf } from './providers.ts';
export { createSignIn, type SignInParts } from './sign-in.ts';
