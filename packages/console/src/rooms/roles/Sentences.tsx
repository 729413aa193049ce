import classes from './roles.module.css';

/** Guards as sentences, numbered R1…Rn in the order of the document. */
export function Sentences({ sentences }: { readonly sentences: readonly string[] }) {
  if (sentences.length === 0) return <p className="muted">No guards: what is granted runs without a condition.</p>;
  return (
    <ol className={classes.sentences} aria-label="Rules">
      {sentences.map((sentence, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the number is the rule's name
        <li key={i}>
          <span className="mono">R{i + 1}</span>
          <span>{sentence}</span>
        </li>
      ))}
    </ol>
  );
}
