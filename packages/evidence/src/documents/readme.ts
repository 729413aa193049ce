/** What is in a bundle, how to check it without us, and what it does not cover. */
import { type EvidenceDocument, type Frame, facts, heading, paragraph } from './model.ts';

export interface BundleReadme {
  readonly name: string;
  readonly about: string;
  /** Folders or files in the order of the bundle. */
  readonly contents: readonly { readonly path: string; readonly what: string; readonly rows: number | null }[];
  /** Commands as they are typed, each with what it shows. */
  readonly commands: readonly { readonly shows: string; readonly command: string }[];
  readonly fingerprints: Readonly<Record<string, string>>;
  readonly notCovered: readonly string[];
  readonly changedSince: readonly string[];
  readonly retention: { readonly class: string; readonly disposeAt: string | null };
}

export function readmeDocument(frame: Frame, readme: BundleReadme): EvidenceDocument {
  const { contents, commands, fingerprints, notCovered, changedSince, retention } = readme;
  return {
    ...frame,
    title: readme.name,
    paper: 'portrait',
    blocks: [
      paragraph(readme.about),
      heading('What is here'),
      {
        kind: 'table',
        columns: [
          { title: 'path', weight: 4 },
          { title: 'what it is', weight: 6 },
          { title: 'rows', weight: 1.5, isNumber: true },
        ],
        rows: contents.map(({ path, what, rows }) => [path, what, rows === null ? '' : String(rows)]),
        empty: 'Nothing.',
      },
      heading('How to check it'),
      ...commands.flatMap(({ shows, command }) => [paragraph(shows), { kind: 'code', text: command } as const]),
      heading('Compare these with what you were given on another way'),
      facts(fingerprints),
      paragraph(
        'The signature shows that nothing changed since it was made; time-stamp and checkpoints that others hold show that it existed then, and that nothing was cut off the end. Neither shows that the facts are true.',
      ),
      heading('What it does not cover'),
      { kind: 'list', items: notCovered },
      ...(changedSince.length === 0
        ? []
        : [heading('What changed since the version before'), { kind: 'list', items: changedSince } as const]),
      heading('How long it is kept'),
      facts({ 'Retention class': retention.class, 'To be disposed of': retention.disposeAt }),
    ],
  };
}
