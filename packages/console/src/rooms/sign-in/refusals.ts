/** What the codes mean with which a sign-in is sent back here. Of those that are not here the log has the cause. Pure. */
const WORDS: Readonly<Record<string, string>> = {
  person_inactive: 'Your account here is deactivated. Ask an administrator.',
  person_unknown: 'You are not known here yet. Ask an administrator for an invitation.',
  person_not_linked: 'This account is linked to nobody here yet. Ask an administrator for an invitation.',
  email_not_admitted: 'People with your e-mail are not admitted by this provider.',
  tenant_not_admitted: 'Your organisation is not admitted by this provider.',
  identity_taken: 'This account belongs to somebody else here.',
  invitation_other_email: 'The invitation is for another e-mail than that of the account you signed in with.',
  invitation_over: 'The invitation was used, has been revoked or has expired. Ask for another one.',
  break_glass_only: 'This is an account for emergencies: it comes in with its passkey alone.',
  provider_disabled: 'This identity provider is disabled.',
  provider_refused: 'The identity provider refused the sign-in.',
  provider_unreachable: 'The identity provider did not answer. Try again; an emergency account comes in without it.',
  provider_session_over: 'Your session at the provider is over. Sign in again.',
  session_over: 'Your session ended meanwhile. Sign in again.',
  sign_in_unknown: 'That sign-in was begun in another browser, took too long, or was used already. Begin again.',
  step_up_other_person: 'You confirmed with another account than you are signed in with.',
  step_up_too_weak: 'The provider did not ask for as much proof as this takes.',
};

export function refusalWords(code: string): string {
  return WORDS[code] ?? 'The sign-in was refused. Sign in again; if it stays, give an administrator this code:';
}
