import classes from './roles.module.css';

/** Guards as sentences, numbered R1…Rn in the order of the document. */
export function Sentences({ sentences }: { readonly sentences: readonly string[] }) {
  if (sentences.length === 0) return <p className="muted">No guards: what is granted runs without a condition.</p>;
  const rules = sentences.map((sentence, i) => ({ name: `R${i + 1}`, sentence }));
  return (
    <ol className={classes.sentences} aria-label="Rules">
      {rules.map(({ name, sentence }) => (
        <li key={name}>
          <span className="mono">{name}</span>
          <span>{sentence}</span>
        </li>
      ))}
    </ol>
  );
}
