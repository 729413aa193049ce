/** Whether two references may name one credential, however each is written. Pure. */
import { normalize } from 'node:path/posix';

const ARN = /^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:/;

/** Fields and versions are of the same secret. What cannot be told apart from here is taken for the same. */
export function mayBeSame(one: string, other: string): boolean {
  const [a, b] = [placeOf(one), placeOf(other)];
  if (a.scheme !== b.scheme) return false;
  // A relative path is one below the configured folder, which an absolute one may name as well.
  if (a.scheme === 'file') return a.place.endsWith(b.place) || b.place.endsWith(a.place);
  if (a.scheme === 'aws-sm') return namesOfAws(a.place).some((name) => namesOfAws(b.place).includes(name));
  return a.place === b.place;
}

function placeOf(ref: string): { readonly scheme: string; readonly place: string } {
  const at = ref.indexOf('://');
  const [scheme, rest] = [ref.slice(0, Math.max(at, 0)), ref.slice(at + 3)];
  switch (scheme) {
    case 'file':
      return { scheme, place: normalize(`/${rest}`) };
    case 'aws-sm':
      return { scheme, place: rest.replace(/#.*$/s, '') };
    case 'hashicorp':
      return { scheme, place: rest.replace(/[#@].*$/s, '') };
    default:
      return { scheme, place: rest };
  }
}

/** An ARN has six characters behind the name, unless they were left out. */
function namesOfAws(id: string): readonly string[] {
  if (!ARN.test(id)) return [id];
  const name = id.replace(ARN, '');
  return [name, name.replace(/-[A-Za-z0-9]{6}$/, '')];
}
