/** Whose address an auditor has: that of the firm, which is neither the customer's own nor a mailbox that anybody can open. */
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

/** Where anybody opens a mailbox: an address there says nothing of where somebody works. The largest ones; no list is whole. */
const OPEN_MAIL: ReadonlySet<string> = new Set([
  'aol.com',
  'fastmail.com',
  'gmail.com',
  'gmx.com',
  'gmx.de',
  'googlemail.com',
  'hey.com',
  'hotmail.com',
  'icloud.com',
  'live.com',
  'mail.com',
  'mail.ru',
  'me.com',
  'msn.com',
  'outlook.com',
  'pm.me',
  'proton.me',
  'protonmail.com',
  'qq.com',
  'web.de',
  'yahoo.com',
  'yandex.com',
  'yandex.ru',
  'zoho.com',
]);

export const domainSchema = z
  .string()
  .max(253)
  .transform((text) => text.trim().toLowerCase())
  .pipe(
    z
      .string()
      .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/, 'is no domain such as audit.example'),
  );

export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}

/** One is the other, or below it. */
export function isRelated(one: string, other: string): boolean {
  return one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);
}

/**
 * The customer's: those of people who are here by other ways, and those from which an identity provider adds people.
 * People who were deactivated count too: they were of the customer all the same.
 */
const OWN = `
SELECT DISTINCT split_part(email, '@', 2) AS domain FROM people WHERE workspace_id = $1 AND NOT external
UNION SELECT unnest(jit_domains) FROM identity_providers WHERE workspace_id = $1`;

/** Throws `engagement_domain_own`, `engagement_domain_open`. */
export async function refuseDomain(client: ClientBase, workspaceId: WorkspaceId, domain: string): Promise<void> {
  if (OPEN_MAIL.has(domain))
    throw new Failure(
      422,
      'engagement_domain_open',
      `Anybody opens a mailbox at ${domain}: it is not the domain of an audit firm.`,
      'Name the domain of the firm, and the work e-mail of its people.',
    );
  const { rows } = await client.query<{ domain: string }>(OWN, [workspaceId]);
  const own = rows.find((row) => isRelated(row.domain, domain));
  if (own === undefined) return;
  throw new Failure(
    422,
    'engagement_domain_own',
    `${domain} is a domain of this workspace (${own.domain}): whoever audits it is of another company.`,
    'Name the domain of the firm. Give somebody of your own the role auditor with PATCH /v1/people/:person.',
  );
}
