import type { Challenge } from '../app/passkey.ts';
import { Confirm } from './Confirm.tsx';
import { CodeBlock } from './Copy.tsx';

/** Shows what a passkey is about to sign, word for word, before it is asked. */
export function SignDialog({
  title,
  challenge,
  pending,
  error,
  onSign,
  onClose,
}: {
  readonly title: string;
  readonly challenge: Challenge;
  readonly pending: boolean;
  readonly error: unknown;
  readonly onSign: () => void;
  readonly onClose: () => void;
}) {
  return (
    <Confirm
      title={title}
      action="Sign and approve"
      pending={pending}
      error={error}
      onConfirm={onSign}
      onClose={onClose}
    >
      <div className="stack-tight">
        <p>Your passkey signs exactly this, within 5 minutes:</p>
        <CodeBlock code={challenge.decision} what="decision to be signed" wrap />
      </div>
    </Confirm>
  );
}
