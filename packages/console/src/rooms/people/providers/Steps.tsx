import classes from '../people.module.css';
import { PRESETS, type PresetName } from './presets.ts';

/** What to do at the provider. */
export function Steps({ preset, kind }: { readonly preset: PresetName; readonly kind: 'oidc' | 'saml' }) {
  return (
    <aside className={classes.help} aria-label={`What to do in ${PRESETS[preset].label}`}>
      <ol className={classes.steps}>
        {PRESETS[preset][kind].map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </aside>
  );
}
