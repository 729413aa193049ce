import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { changePreviewQuery } from '../../api/change-queries.ts';
import type { Change, Preview } from '../../api/change-types.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { PreviewDocumentView } from './PreviewDocumentView.tsx';

/** What reviewers see, as it was stored when the change was submitted. */
export function PreviewView({ change }: { readonly change: Change }) {
  const { data, error, refetch } = useQuery(changePreviewQuery(change.name, change.preview?.id));
  if (change.preview === null)
    return (
      <Empty title="No preview yet">
        It is made when the change is submitted: what is different in words, who is affected, calls of the last 30 days
        that would go otherwise, tests, and the worst case before and after.
      </Empty>
    );
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={240} aria-label="Loading the preview" />;
  return (
    <Section title="What it does" aside={<PreviewState preview={data} />}>
      <PreviewDocumentView document={data.document} />
    </Section>
  );
}

function PreviewState({ preview: { state, error, sha256 } }: { readonly preview: Preview }) {
  if (state === 'running') return <Mark tone="review">replaying the log…</Mark>;
  if (state === 'failed') return <Mark tone="deny">{`failed: ${error ?? 'no reason'}`}</Mark>;
  return (
    <span className="muted mono truncate" title={sha256 ?? ''}>
      {sha256?.slice(0, 19)}…
    </span>
  );
}
