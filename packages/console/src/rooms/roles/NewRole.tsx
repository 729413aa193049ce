import { Page } from '../../ui/Page.tsx';
import { RoleEditor } from './RoleEditor.tsx';

export function NewRole() {
  return (
    <Page title="New role" up={{ to: '/roles', label: 'Roles' }}>
      <RoleEditor base={undefined} />
    </Page>
  );
}
