import { Link } from '@tanstack/react-router';
import { Mark } from '../../ui/Verdict.tsx';

/** The record that says so, or that there is none. */
export function OnRecord({ event }: { readonly event: string | null }) {
  return event === null ? (
    <Mark tone="review">no record</Mark>
  ) : (
    <Link to="/log" search={{ event, kind: 'all' }} aria-label={`Record ${event}`}>
      Record
    </Link>
  );
}
