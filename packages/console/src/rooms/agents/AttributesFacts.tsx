import type { AgentAttributes } from '../../api/types.ts';
import { Facts } from '../../ui/Page.tsx';
import { ATTRIBUTES } from './words.ts';

export function AttributesFacts({ attributes }: { readonly attributes: AgentAttributes }) {
  if (Object.keys(attributes).length === 0) return <p className="muted">Nothing was declared.</p>;
  return (
    <Facts
      facts={ATTRIBUTES.map(({ name, label }) => {
        const value = attributes[name];
        return [
          label,
          value === undefined ? null : (
            <span key={name} className="mono" style={{ overflowWrap: 'anywhere' }}>
              {typeof value === 'string' ? value : value.join(', ')}
            </span>
          ),
        ];
      })}
    />
  );
}
