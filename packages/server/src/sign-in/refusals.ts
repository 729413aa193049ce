/** Why a verified sign-in comes to nothing, and how that is recorded. */
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { PendingSignIn } from './pending.ts';
import type { IdentityProvider } from './provider.ts';
import type { VerifiedSignIn } from './verified.ts';

type Known = Partial<Pick<VerifiedSignIn, 'issuer' | 'subject' | 'email'>>;

/** A sign-in that came to nothing. Where nothing else is written with it, it goes by `log.record`, which holds nobody up. */
export function refusalRecord(
  { purpose, providerId }: Pick<PendingSignIn, 'purpose' | 'providerId'>,
  { issuer, subject, email }: Known,
  { code }: Failure,
) {
  return {
    kind: 'sign_in.refused',
    actor: 'system',
    provider_id: providerId,
    purpose,
    issuer,
    subject,
    email,
    code,
  } as const;
}

/** The same inside a transaction. */
export function recordRefusal(
  { log }: Pick<LoggedTransaction, 'log'>,
  pending: Pick<PendingSignIn, 'purpose' | 'providerId'>,
  known: Known,
  failure: Failure,
): void {
  log(refusalRecord(pending, known, failure));
}

export function sessionOver(): Failure {
  return new Failure(401, 'session_over', 'The console session is over.', 'Sign in again.');
}

export function personInactive(email: string): Failure {
  return new Failure(
    403,
    'person_inactive',
    email === '' ? 'This account has ended.' : `${email} is not active.`,
    'Ask an administrator of the workspace.',
  );
}

export function breakGlassOnly(email: string): Failure {
  return new Failure(
    403,
    'break_glass_only',
    `${email} is an account for emergencies.`,
    'It signs in with its passkey alone.',
  );
}

export function engagementPasskey(email: string): Failure {
  return new Failure(
    403,
    'engagement_only',
    `${email} is of an audit firm and comes in by an engagement.`,
    'Sign in with the passkey that was registered for it.',
  );
}

export function otherPerson(email: string): Failure {
  return new Failure(
    403,
    'step_up_other_person',
    `The provider answered about somebody else than ${email}.`,
    'Sign in there as yourself, or step up with a passkey.',
  );
}

export function sessionEnded({ name }: IdentityProvider): Failure {
  return new Failure(403, 'provider_session_over', `Your session at ${name} is over.`, 'Sign in there again.');
}

export function identityTaken(): Failure {
  return new Failure(
    409,
    'identity_taken',
    'This account of the provider belongs to another person here.',
    'Sign in with your own account of the provider, or have the link removed.',
  );
}

export function otherEmail(email: string): Failure {
  return new Failure(
    403,
    'invitation_other_email',
    `The invitation is for ${email}, and the provider states another e-mail for you.`,
    'Sign in there with that account, or have an administrator make an invitation that takes any e-mail.',
  );
}

export function notLinked(): Failure {
  return new Failure(
    403,
    'person_unknown',
    'Nobody here has this account of the provider.',
    'Ask an administrator of the workspace for an invitation: hivekey person invite E-MAIL.',
  );
}

export function emailNotAdmitted(): Failure {
  return new Failure(
    403,
    'email_not_admitted',
    'The provider states no verified e-mail for you of a domain from which people are added.',
    'Ask an administrator of the workspace for an invitation.',
  );
}

export function emailTaken(email: string): Failure {
  return new Failure(
    409,
    'person_not_linked',
    `${email} is known here, and this account of the provider does not belong to them yet.`,
    'Ask an administrator of the workspace for an invitation: an e-mail alone proves nothing.',
  );
}
