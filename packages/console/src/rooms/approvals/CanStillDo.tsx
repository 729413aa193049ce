import { useQuery } from '@tanstack/react-query';
import { budgetsQuery } from '../../api/queries.ts';
import type { FullApproval } from '../../api/types.ts';
import { Budgets } from '../../ui/Budgets.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { boundsOf } from './bounds.ts';

/** What is left of the caps over calls like this one, and what no cap bounds. */
export function CanStillDo({ approval: { agent, action, impact } }: { readonly approval: FullApproval }) {
  const { data } = useQuery(budgetsQuery({ agent }));
  return (
    <Section title="What it can still do now">
      {data === undefined ? null : <Facts facts={boundsOf(data, action, Object.keys(impact))} />}
      <Budgets whose={{ agent }} />
    </Section>
  );
}
