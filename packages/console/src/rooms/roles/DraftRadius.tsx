import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { send } from '../../api/client.ts';
import type { BlastRadiusWhatIf } from '../../api/radius-types.ts';
import { plural } from '../../ui/format.ts';
import radius from '../blast-radius/radius.module.css';
import { horizonWords, unitWords } from '../blast-radius/words.ts';

const TYPING_MS = 250;
const MOST = 6;

/** How the worst case of a role moves with its draft. `document`: undefined while the draft cannot be read. */
export function DraftRadius({ role, document }: { readonly role: string; readonly document: object | undefined }) {
  const [settled] = useDebouncedValue(document, TYPING_MS);
  const { data, isError } = useQuery({
    queryKey: ['radius', 'draft', role, settled],
    queryFn: () =>
      send<BlastRadiusWhatIf>('POST', '/v1/blast-radius/what-if', {
        role,
        operations: [{ type: 'role', id: role, document: settled }],
      }),
    enabled: settled !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (settled === undefined || isError || data === undefined) return null;
  if (data.before.agents === 0 && data.after.agents === 0)
    return <p className="muted">No agent wears it, so nothing can happen through it yet.</p>;
  const moved = data.moved.filter(({ horizon, line }) => horizon === '24h' && line !== 'bypassed');
  return (
    <div aria-live="polite" data-testid="draft-radius">
      <h3>Worst case in 24 h</h3>
      {moved.length === 0 ? (
        <ul className={radius.moved}>
          {data.after.cells
            .filter(({ horizon, line }) => horizon === '24h' && line === 'alone')
            .map(({ unit, amount }) => (
              <li key={unit}>
                {unitWords(unit)}: <span className="num">{amount.text}</span>
              </li>
            ))}
        </ul>
      ) : (
        <ul className={radius.moved}>
          {moved.slice(0, MOST).map(({ unit, horizon, line, before, after, rises }) => (
            <li key={`${unit} ${line}`} data-rises={rises}>
              {unitWords(unit)}
              {line === 'fooled' ? ', one approver fooled' : ''}: <span className="num">{before.text}</span> →{' '}
              <strong className="num">{after.text}</strong>
              <span className="visually-hidden">
                {rises ? ' rises' : ' falls'} in {horizonWords(horizon)}
              </span>
            </li>
          ))}
          {moved.length > MOST ? <li>and {plural(moved.length - MOST, 'number')} more</li> : null}
        </ul>
      )}
    </div>
  );
}
