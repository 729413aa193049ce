/** Which receivers a stream may go to: the rules of every address that we reach by ourselves, for hosts and ports. */
import { isAllowedByName } from '../../delivery/index.ts';
import { Failure } from '../../errors.ts';
import { type AddressRules, literalProblem } from '../../upstreams/index.ts';
import { type HostPort, printHostPort } from './settings.ts';

/** Throws `sink_address_refused`. What a name resolves to is checked at each connection. */
export function checkReceiver(receiver: HostPort, isProtected: boolean, rules: AddressRules): void {
  const problem = receiverProblem(receiver, isProtected, rules);
  if (problem === undefined) return;
  throw new Failure(
    400,
    'sink_address_refused',
    `The receiver ${printHostPort(receiver)} cannot be used: ${problem}.`,
    'Use a public address with TLS, or have an operator add the host to HIVEKEY_UPSTREAM_ALLOW.',
  );
}

/** In words; undefined where there is none. In the clear only to a host that the operator allows, as with http. */
function receiverProblem(receiver: HostPort, isProtected: boolean, rules: AddressRules): string | undefined {
  const problem = literalProblem(receiver, rules);
  if (problem !== undefined) return problem;
  if (isProtected || isAllowedByName(rules.allow, receiver.host, receiver.port)) return undefined;
  return 'it is not protected by TLS, and the operator does not allow the host by name';
}
