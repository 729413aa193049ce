import { SegmentedControl } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../../ui/Page.tsx';
import { Bundles } from './Bundles.tsx';
import { Reports } from './Reports.tsx';
import { Samples } from './Samples.tsx';
import { TieOuts } from './TieOuts.tsx';

const route = getRouteApi('/in/evidence');

/** What an auditor is handed: populations, signed bundles, samples that they draw, and what tools say by themselves. */
export function Evidence() {
  const { tab = 'reports' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Evidence"
      description="Populations of a period, counted the same in every format. What is here is management's own account: not an auditor's opinion."
      actions={
        <SegmentedControl
          aria-label="What is shown"
          data={[
            { value: 'reports', label: 'Reports' },
            { value: 'bundles', label: 'Bundles' },
            { value: 'samples', label: 'Samples' },
            { value: 'tie-outs', label: 'Tie-outs' },
          ]}
          value={tab}
          onChange={(next) =>
            navigate({
              search: (old) => ({
                ...old,
                tab: next === 'reports' ? undefined : (next as Exclude<typeof tab, 'reports'>),
              }),
            })
          }
        />
      }
    >
      {tab === 'bundles' ? (
        <Bundles />
      ) : tab === 'samples' ? (
        <Samples />
      ) : tab === 'tie-outs' ? (
        <TieOuts />
      ) : (
        <Reports />
      )}
    </Page>
  );
}
