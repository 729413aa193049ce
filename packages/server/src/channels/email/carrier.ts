/** Brings messages to people by e-mail. */
import { createHash } from 'node:crypto';
import { approvalLink, type FullApproval } from '../../approvals/index.ts';
import { Failure } from '../../errors.ts';
import type { Secret } from '../../secret.ts';
import type { AddressRules } from '../../upstreams/index.ts';
import type { Carrier, Sent } from '../carrier.ts';
import {
  alertEnd,
  alertFacts,
  alertLines,
  alertSentence,
  delegationFacts,
  delegationLines,
  delegationSentence,
  transferFacts,
  transferLines,
  transferLink,
  transferSentence,
} from '../facts.ts';
import type { Message } from '../outbox.ts';
import type { EmailChannel } from '../store.ts';
import { type Mail, mailOf, requestMail } from './compose.ts';
import { sendMail } from './smtp.ts';

export interface EmailCarrierOptions {
  readonly channel: EmailChannel;
  /** Asked for at each mail, because it may be replaced at any moment; undefined without a login. */
  readonly password: (() => Promise<Secret>) | undefined;
  readonly rules: AddressRules;
  /** Origin of the console. */
  readonly url: string;
}

export class EmailCarrier implements Carrier {
  readonly #options: EmailCarrierOptions;

  constructor(options: EmailCarrierOptions) {
    this.#options = options;
  }

  async send(message: Message, approval: FullApproval | undefined, signal: AbortSignal): Promise<Sent> {
    const { id, destination, purpose, facts } = message;
    if (purpose === 'transfer') {
      const about = transferFacts.parse(facts);
      const end = { words: 'See it, and what can be done, in HiveKey', link: transferLink(this.#options.url, about) };
      return this.#mail(destination, mailOf(transferSentence(about), transferLines(about), end), id, signal);
    }
    if (purpose === 'alert') {
      const about = alertFacts.parse(facts);
      const end = alertEnd(this.#options.url, about);
      return this.#mail(destination, mailOf(alertSentence(about), alertLines(about), end), id, signal);
    }
    if (purpose === 'delegation' || approval === undefined) {
      const about = delegationFacts.parse(facts);
      const words = 'Delegations are kept in HiveKey.';
      const mail = mailOf(delegationSentence(about), delegationLines(about), { words });
      return this.#mail(destination, mail, id, signal);
    }
    if (approval.status !== 'pending') return { kind: 'dropped' };
    // Who may decide can have changed since; an escalation also goes to those who were named.
    const mayDecide = approval.deciders.some(({ person, may }) => person === destination && may);
    if (purpose !== 'escalation' && !mayDecide) return { kind: 'dropped' };
    const mail = requestMail(approval, purpose, approvalLink(this.#options.url, approval.id));
    return this.#mail(destination, mail, id, signal);
  }

  async test(to: string | undefined, signal: AbortSignal): Promise<Sent> {
    if (to === undefined)
      throw new Failure(
        400,
        'test_address_missing',
        'It is not known to whom the test message goes.',
        'Name an address in `to`, or use a key that belongs to a person.',
      );
    const mail = mailOf('HiveKey can tell of held calls here', [], { words: 'This is a test.' });
    return this.#mail(to, mail, `test-${Date.now()}`, signal);
  }

  async close(): Promise<void> {
    // Each mail has a connection of its own.
  }

  async #mail(to: string, mail: Mail, id: string, signal: AbortSignal): Promise<Sent> {
    const { channel, rules } = this.#options;
    const password = await this.#options.password?.();
    const { from } = channel.settings;
    const unique = createHash('sha256').update(`${channel.workspaceId} ${id}`).digest('hex').slice(0, 32);
    const messageId = `<${unique}@${from.slice(from.lastIndexOf('@') + 1)}>`;
    return sendMail({ settings: channel.settings, password, rules, to, mail, messageId, signal });
  }
}
