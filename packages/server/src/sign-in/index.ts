/** People sign in. Nothing deeper in this folder is imported from outside. */
export { answerRefused, answerSignedIn } from './answer.ts';
export { type Completed, recordRefusal, signInWith, type VerifiedSignIn } from './complete.ts';
export { acceptOnce } from './once.ts';
export {
  type BegunSignIn,
  keepPending,
  newState,
  PENDING_SECONDS,
  type PendingSignIn,
  type SignInPurpose,
  takePending,
} from './pending.ts';
export {
  commonSettings,
  findProvider,
  type IdentityProvider,
  listProviders,
  type ProviderKind,
  readActiveProvider,
  readProvider,
} from './provider.ts';
export { returnPath } from './return-path.ts';
