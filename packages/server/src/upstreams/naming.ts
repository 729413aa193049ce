/** Gives every definition of a server a governed name of its own. Pure. */
import { foldName, type Named, nameOf, nameOfUri, standInFor } from './names.ts';
import type { MappedTool, RenameMap } from './server-map.ts';
import type { DefinitionKind } from './types.ts';

export type { MappedTool };

interface Thing {
  readonly kind: DefinitionKind;
  readonly upstreamName: string;
}

export interface MappedTools {
  of(thing: Thing): (MappedTool & { readonly capability: string }) | undefined;
}

/** What the operator's map says of each upstream tool. */
export function mappedTools(map: RenameMap): MappedTools {
  const byTool = new Map(Object.entries(map).map(([capability, tool]) => [tool.maps, { ...tool, capability }]));
  return { of: ({ kind, upstreamName }) => (kind === 'tool' ? byTool.get(upstreamName) : undefined) };
}

export interface Names {
  /** Of a thing that was given to `nameAll`. */
  of(thing: Thing): Named;
}

/**
 * Names that the map gives come first, then those given before, then new ones; who finds its name taken gets
 * a stand-in and stays unpublished. `known`: what has been named before, by kind and upstream name.
 */
export function nameAll(
  things: readonly Thing[],
  known: ReadonlyMap<string, { readonly capability: string }>,
  { namespace, renameMap }: { readonly namespace: string; readonly renameMap: RenameMap },
): Names {
  const mapped = mappedTools(renameMap);
  const keyOf = ({ kind, upstreamName }: Thing): string => `${kind} ${upstreamName}`;
  const given = new Map<string, Named>();
  const taken = new Set<string>();
  const folds = new Set<string>();

  function claim(thing: Thing, wanted: Named): void {
    const named = taken.has(wanted.capability) ? standInFor(namespace, thing, wanted.capability, taken) : wanted;
    given.set(keyOf(thing), named);
    taken.add(named.capability);
    folds.add(foldName(named.capability));
  }

  function wantedBy({ kind, upstreamName }: Thing, before: string | undefined): Named {
    if (kind === 'tool' || kind === 'prompt') return nameOf(namespace, kind, upstreamName);
    return { capability: before ?? nameOfUri(namespace, kind, upstreamName, (fold) => folds.has(fold)) };
  }

  for (const thing of things) {
    const tool = mapped.of(thing);
    if (tool !== undefined) claim(thing, { capability: tool.capability });
  }
  const unmapped = things.filter((thing) => mapped.of(thing) === undefined);
  for (const thing of unmapped) {
    const before = known.get(keyOf(thing));
    if (before !== undefined) claim(thing, wantedBy(thing, before.capability));
  }
  for (const thing of unmapped) if (!known.has(keyOf(thing))) claim(thing, wantedBy(thing, undefined));
  return { of: (thing) => given.get(keyOf(thing)) ?? wantedBy(thing, undefined) };
}
