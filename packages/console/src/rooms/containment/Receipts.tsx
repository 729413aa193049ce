import { useQuery } from '@tanstack/react-query';
import { stopsQuery } from '../../api/queries.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { StopsTable } from './StopsTable.tsx';

/** Every stop with its receipt: those that stand, then those that were lifted. */
export function Receipts() {
  const { data, error, refetch } = useQuery(stopsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const stops = data?.data;
  return (
    <>
      {data?.has_more ? <p className="muted">The newest {data.data.length} stops; the log has all of them.</p> : null}
      <Section title="In force">
        <StopsTable
          label="Active stops"
          stops={stops?.filter(({ lifted_at }) => lifted_at === null)}
          empty={
            <Empty title="Nothing is stopped" command="npx hivekey revoke AGENT">
              A stop is ordered on the board, or from the command line:
            </Empty>
          }
        />
      </Section>
      <Section title="Lifted">
        <StopsTable
          label="Lifted stops"
          stops={stops?.filter(({ lifted_at }) => lifted_at !== null)}
          empty={<p className="muted">None. Every stop keeps its receipt here after it is lifted.</p>}
        />
      </Section>
    </>
  );
}
