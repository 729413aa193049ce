/** What brings a message to its receiver. */
import type { FullApproval } from '../approvals/index.ts';
import type { Message } from './outbox.ts';

export type Sent =
  | { readonly kind: 'sent'; readonly postedTs?: string }
  /** There is nothing to tell any more. */
  | { readonly kind: 'dropped' }
  /** The receiver wants to be left alone for so long, by all messages. */
  | { readonly kind: 'wait'; readonly seconds: number }
  /** In words. `isFinal`: trying again would change nothing. */
  | { readonly kind: 'failed'; readonly why: string; readonly isFinal: boolean };

export interface Carrier {
  /** Rejects with a Failure where a credential cannot be had, never for what the receiver does. `approval`: as it is now; absent for a message of something else. */
  send(message: Message, approval: FullApproval | undefined, signal: AbortSignal): Promise<Sent>;
  /** Says that the channel works. `to`: an e-mail address. */
  test(to: string | undefined, signal: AbortSignal): Promise<Sent>;
  close(): Promise<void>;
}
