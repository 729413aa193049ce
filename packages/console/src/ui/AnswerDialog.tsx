import { send } from '../api/client.ts';
import { type Thing, useWrite } from '../app/write.ts';
import { Confirm } from './Confirm.tsx';

/** What an answer is called, what it does, and what is said once it is given. */
export interface AnswerWords {
  readonly action: string;
  readonly danger: boolean;
  readonly text: string;
  /** Behind the name of what was answered about. */
  readonly done: string;
}

/** Asks for the reason of an answer, and sends it to `to`. */
export function AnswerDialog({
  words: { action, danger, text, done },
  about,
  to,
  changes,
  withReason = true,
  onClose,
}: {
  readonly words: AnswerWords;
  readonly about: string;
  readonly to: string;
  readonly changes: readonly Thing[];
  readonly withReason?: true | 'required';
  readonly onClose: () => void;
}) {
  const answer = useWrite({
    write: (reason: string) => send('POST', to, { reason }),
    changes,
    done: () => `${about} ${done}`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`${action} ${about}`}
      action={action}
      danger={danger}
      withReason={withReason}
      pending={answer.isPending}
      error={answer.error}
      onConfirm={answer.mutate}
      onClose={onClose}
    >
      {text}
    </Confirm>
  );
}
