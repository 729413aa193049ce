import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { offersToQuery } from '../../api/agent-queries.ts';
import { useMe } from '../../app/me.ts';
import { actorWords } from '../../ui/format.ts';
import { Time } from '../../ui/Time.tsx';
import { OfferActs } from './OfferActs.tsx';
import classes from './transfers.module.css';

/** Tells whoever is asked to take over agents. */
export function OfferedToMe() {
  const { person } = useMe();
  const { data: offers = [] } = useQuery({ ...offersToQuery(person?.id ?? ''), enabled: person !== undefined });
  const [first] = offers;
  if (first === undefined) return null;
  return (
    <section className={classes.offered} aria-label="Offered to you">
      {offers.length === 1 ? (
        <>
          <p>
            <Link to="/agents/$agent" params={{ agent: first.agent }} search={{ tab: 'ownership' }}>
              {first.agent}
            </Link>{' '}
            is offered to you by {actorWords(first.proposed_by)}: answer <Time value={first.answer_by} />.
            {first.reason === '' ? '' : ` ${first.reason}`}
          </p>
          <OfferActs offer={first} />
        </>
      ) : (
        <p>
          {offers.length} agents are offered to you.{' '}
          <Link to="/agents" search={{ tab: 'transfers' }}>
            Accept or decline them
          </Link>
        </p>
      )}
    </section>
  );
}
