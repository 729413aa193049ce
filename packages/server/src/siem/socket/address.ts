/** For clients that dial by themselves: the address of a name, looked at before they get it, so that it cannot change in between. */
import { isIP } from 'node:net';
import { type AddressRules, guardedLookup } from '../../upstreams/index.ts';
import type { HostPort } from './settings.ts';

/** Rejects with AddressRefused, or what the lookup says. An address stays what it is: that was checked with the settings. */
export function addressOf({ host, port }: HostPort, rules: AddressRules): Promise<string> {
  if (isIP(host) !== 0) return Promise.resolve(host);
  return new Promise((resolve, reject) => {
    guardedLookup(port, rules)(host, {}, (error, address) => {
      if (error !== null) reject(error);
      else resolve(typeof address === 'string' ? address : (address[0]?.address ?? ''));
    });
  });
}
