import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { revisionsQuery } from '../../api/queries.ts';
import type { Role } from '../../api/types.ts';
import { Diff } from '../../ui/Diff.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { roleFile } from './role-file.ts';
import classes from './roles.module.css';

/** Every revision, and what each changed against the one before it. */
export function Revisions({ role }: { readonly role: Role }) {
  const { data, error, refetch } = useQuery(revisionsQuery(role.name));
  const [chosen, setChosen] = useState(role.revision);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const revisions = data ?? [];
  const after = revisions.find(({ revision }) => revision === chosen);
  const before = revisions.find(({ revision }) => revision === chosen - 1);
  return (
    <div className={classes.revisions}>
      <ul className={classes.revisionList} aria-label="Revisions, newest first">
        {revisions.map(({ revision, author, updated_at }) => (
          <li key={revision}>
            <Button
              variant="subtle"
              color="gray"
              fullWidth
              justify="space-between"
              className={classes.revision ?? ''}
              aria-current={revision === chosen}
              onClick={() => setChosen(revision)}
              rightSection={<Time value={updated_at} />}
            >
              <span>
                <strong>rev {revision}</strong> <span className="muted">{author}</span>
              </span>
            </Button>
          </li>
        ))}
      </ul>
      {after === undefined ? null : (
        <Section
          title={before === undefined ? `Revision ${chosen}, the first` : `Revision ${chosen} against ${chosen - 1}`}
        >
          <Diff
            label={`Changes of revision ${chosen}`}
            before={before === undefined ? '' : roleFile(before.document)}
            after={roleFile(after.document)}
          />
        </Section>
      )}
    </div>
  );
}
