/** What a group of the directory is called where people, approvals and roles name groups. Pure. */

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const MAX_CHARACTERS = 64;

/** The display name itself where it is a name of a group; else what is left of it, or `group`. */
export function groupNameOf(displayName: string): string {
  if (NAME.test(displayName)) return displayName;
  const words =
    displayName
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .match(/[A-Za-z0-9._]+/g) ?? [];
  const name = trimmed(words.join('-').slice(0, MAX_CHARACTERS));
  return name === '' ? 'group' : name;
}

/** The same with a mark that tells it from a group of the same name. */
export function markedName(name: string, mark: string): string {
  return `${trimmed(name.slice(0, MAX_CHARACTERS - 1 - mark.length))}-${mark}`;
}

function trimmed(name: string): string {
  let [from, to] = [0, name.length];
  while (from < to && '._-'.includes(name.charAt(from))) from += 1;
  while (to > from && '._-'.includes(name.charAt(to - 1))) to -= 1;
  return name.slice(from, to);
}
