import { stringify } from 'yaml';
import type { Change } from '../../api/change-types.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { Section } from '../../ui/Page.tsx';
import classes from './changes.module.css';
import { objectWords } from './words.ts';

/** What each object becomes, whole. */
export function Documents({ change: { operations } }: { readonly change: Change }) {
  return (
    <Section title="Documents">
      {operations.map((operation) => (
        <details key={`${operation.type} ${operation.id}`} className={classes.document}>
          <summary>
            {operation.document === null ? 'Removes' : operation.base === null ? 'Adds' : 'Changes'}{' '}
            <strong>{objectWords(operation)}</strong>
          </summary>
          {operation.document === null ? null : (
            <CodeBlock code={stringify(operation.document, { lineWidth: 100 })} what="document" />
          )}
        </details>
      ))}
    </Section>
  );
}
