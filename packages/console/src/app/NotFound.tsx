import { Link } from '@tanstack/react-router';
import { Empty } from '../ui/Notice.tsx';

export function NotFound() {
  return (
    <main style={{ padding: 28 }}>
      <Empty title="There is no such page" action={<Link to="/agents">Go to agents</Link>}>
        The address may be mistyped, or from another version of the console.
      </Empty>
    </main>
  );
}
