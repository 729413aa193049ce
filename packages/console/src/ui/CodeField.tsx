import { Input } from '@mantine/core';
import { useId, useRef } from 'react';
import type { Problem } from '../api/types.ts';
import classes from './ui.module.css';

/** An editor for JSON or YAML: a text area, so that keyboards and screen readers work, beside the numbers of its lines. */
export function CodeField({
  label,
  description,
  value,
  onChange,
  problems = [],
  rows = 12,
}: {
  readonly label: string;
  readonly description?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Their lines are marked; say them in words beside the field. */
  readonly problems?: readonly Problem[];
  readonly rows?: number;
}) {
  const id = useId();
  const gutter = useRef<HTMLDivElement>(null);
  const wrong = new Set(problems.flatMap(({ line }) => (line === undefined ? [] : [line])));
  const numbers = value.split('\n').map((_, i) => i + 1);
  return (
    <Input.Wrapper label={label} description={description} labelProps={{ htmlFor: id }}>
      <div className={classes.codeField} data-invalid={problems.length > 0}>
        <div ref={gutter} className={classes.gutter} aria-hidden>
          {numbers.map((number) => (
            <div key={number} data-wrong={wrong.has(number)}>
              {number}
            </div>
          ))}
        </div>
        <textarea
          id={id}
          value={value}
          rows={rows}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          aria-invalid={problems.length > 0}
          onChange={(event) => onChange(event.currentTarget.value)}
          onScroll={(event) => {
            if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
    </Input.Wrapper>
  );
}
