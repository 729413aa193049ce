import { ActionIcon, Button } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { GuardDocument } from '../../../api/types.ts';
import classes from './builder.module.css';
import { RuleFields } from './RuleFields.tsx';
import { documentOf, formOf } from './rule-form.ts';

/** The rules of a draft as numbered sentences; each that is simple enough opens into gaps to fill. */
export function RuleList({
  guards,
  sentences,
  onReplace,
}: {
  /** As they stand in the document. */
  readonly guards: readonly unknown[];
  /** In the same order; undefined while they are being read, or cannot be. */
  readonly sentences: readonly string[] | undefined;
  /** Undefined: without it. */
  readonly onReplace: (at: number, guard: GuardDocument | undefined) => void;
}) {
  const [open, setOpen] = useState<number>();
  if (guards.length === 0) return <p className="muted">No guards: what is granted runs without a condition.</p>;
  const rules = guards.map((guard, i) => ({ name: `R${i + 1}`, form: formOf(guard), sentence: sentences?.[i] }));
  return (
    <ol className={classes.rules} aria-label="Rules">
      {rules.map(({ name, form, sentence }, i) => (
        <li key={name}>
          <div className={classes.line}>
            <span className={`mono ${classes.name}`}>{name}</span>
            <span>{sentence ?? (form === undefined ? 'Read from the document…' : `${form.id}…`)}</span>
            <span className="row">
              {form === undefined ? (
                <span className="muted">edit in the document</span>
              ) : (
                <Button
                  variant="default"
                  size="compact-xs"
                  aria-expanded={open === i}
                  aria-label={`${open === i ? 'Close' : 'Edit'} ${name}`}
                  onClick={() => setOpen(open === i ? undefined : i)}
                >
                  {open === i ? 'Close' : 'Edit'}
                </Button>
              )}
              <ActionIcon
                variant="subtle"
                aria-label={`Remove ${name}`}
                onClick={() => {
                  setOpen(undefined);
                  onReplace(i, undefined);
                }}
              >
                <IconTrash size={15} aria-hidden />
              </ActionIcon>
            </span>
          </div>
          {open === i && form !== undefined ? (
            <RuleFields form={form} onChange={(next) => onReplace(i, documentOf(next))} />
          ) : null}
        </li>
      ))}
    </ol>
  );
}
