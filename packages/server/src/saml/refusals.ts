/** Why an answer of a SAML identity provider is refused. The browser is told the code; the record has it too. */
import { Failure } from '../errors.ts';

const COMPARE = 'Sign in again; if it lasts, an administrator should compare the settings of both sides.';
const AGAIN = 'Sign in again.';

function refusal(code: string, cause: string, remedy = COMPARE): Failure {
  return new Failure(403, code, cause, remedy);
}

export function unreadable(problem: string): Failure {
  return refusal('saml_unreadable', `The answer of the identity provider cannot be read: ${problem}.`);
}

/** It has something that no answer to a sign-in has, or lacks what each of them has. */
export function malformed(problem: string): Failure {
  return refusal('saml_malformed', `The answer of the identity provider is none to a sign-in: ${problem}.`);
}

export function badSignature(): Failure {
  return refusal(
    'saml_signature_invalid',
    'No signature of the identity provider covers the assertion.',
    'An administrator should load the metadata of the provider anew: its certificate may have changed.',
  );
}

export function weakAlgorithm(algorithm: string): Failure {
  return refusal(
    'saml_algorithm_refused',
    `The answer is signed with ${algorithm.slice(0, 100)}, which is not accepted.`,
    'Have the provider sign with RSA and SHA-256 or SHA-512.',
  );
}

export function encrypted(): Failure {
  return refusal(
    'saml_encrypted',
    'The assertion is encrypted, and HiveKey has published no key for that.',
    'Switch the encryption of assertions off at the provider: they travel by TLS alone.',
  );
}

/** Made for somebody else, by somebody else, or for another place. */
export function misdirected(what: 'issuer' | 'audience' | 'recipient' | 'destination'): Failure {
  return refusal(`saml_${what}_other`, `The ${what} of the answer is not the one that is expected.`);
}

/** It answers another request than this browser has made. */
export function otherRequest(): Failure {
  return refusal('saml_request_other', 'The answer is to another sign-in than this browser has begun.', AGAIN);
}

export function unsolicited(): Failure {
  return refusal(
    'saml_unsolicited',
    'The identity provider has sent an answer that nobody asked for.',
    'Start at the sign-in page, not at the provider; or an administrator allows idp_initiated.',
  );
}

export function outOfTime(problem: string): Failure {
  return refusal(
    'saml_out_of_time',
    `The answer is not valid now: ${problem}.`,
    `${AGAIN} If it lasts, compare clocks.`,
  );
}

export function replayed(): Failure {
  return refusal('saml_replayed', 'This answer of the identity provider has been used before.', AGAIN);
}

/** The person is named in a way that cannot find them again. */
export function subjectUnusable(problem: string): Failure {
  return refusal('saml_subject_unusable', `The assertion does not name the person so that it can be used: ${problem}.`);
}

/** `status`: the innermost status code, its last part. */
export function providerRefused(status: string): Failure {
  return refusal(
    'provider_refused',
    `The identity provider has not signed you in (${/^[A-Za-z]{1,40}$/.test(status) ? status : 'error'}).`,
    'Try again, or ask whoever runs the provider.',
  );
}

/** The provider did not authenticate the person anew, or not as strongly as asked. */
export function stepUpTooWeak(): Failure {
  return refusal(
    'step_up_too_weak',
    'The provider has not authenticated you anew, or not as strongly as a step-up asks for.',
    'Use the stronger method there, or step up with a passkey.',
  );
}
