import { Page } from '../../ui/Page.tsx';
import { Reports } from './Reports.tsx';

/** What an auditor is handed. */
export function Evidence() {
  return (
    <Page
      title="Evidence"
      description="Populations of a period, counted the same in every format. What is here is management's own account: not an auditor's opinion."
    >
      <Reports />
    </Page>
  );
}
