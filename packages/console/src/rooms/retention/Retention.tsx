import { SegmentedControl } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../../ui/Page.tsx';
import { Disposals } from './Disposals.tsx';
import { Holds } from './Holds.tsx';
import { Periods } from './Periods.tsx';
import { Redactions } from './Redactions.tsx';

const route = getRouteApi('/in/retention');

/** How long records are kept, what has to stay, and what is shown of what went. */
export function Retention() {
  const { tab = 'periods' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Retention"
      description="What the log keeps, and for how long. What goes leaves its hash behind: the log still verifies, and says what is missing and why."
      actions={
        <SegmentedControl
          aria-label="What is shown"
          data={[
            { value: 'periods', label: 'Periods' },
            { value: 'holds', label: 'Holds' },
            { value: 'disposals', label: 'Disposals' },
            { value: 'redactions', label: 'Redactions' },
          ]}
          value={tab}
          onChange={(next) =>
            navigate({ search: next === 'periods' ? {} : { tab: next as Exclude<typeof tab, 'periods'> } })
          }
        />
      }
    >
      {tab === 'holds' ? (
        <Holds />
      ) : tab === 'disposals' ? (
        <Disposals />
      ) : tab === 'redactions' ? (
        <Redactions />
      ) : (
        <Periods />
      )}
    </Page>
  );
}
