/** `hivekey.yaml` at the root of a policy folder: what the folder owns, and which server it is for. */
import { API_VERSION, type DocumentProblem, objectOf, Problems, readDocuments } from '@hivekey/policy';
import { KINDS, kindNamed } from './kinds.ts';

export const SETTINGS_FILE = 'hivekey.yaml';

export interface FolderSettings {
  /** Types of objects that are removed where they are live and not in the folder. */
  readonly owns: readonly string[];
  /**
   * Origin of the server that the folder is for. Compared, never called: who can change the folder must not be able to say
   * where an admin key is sent.
   */
  readonly url?: string;
}

const EXAMPLE = 'Write owns: [Role, Capability].';

/** Undefined beside problems. */
export function readSettings(text: string, report: (problem: DocumentProblem) => void): FolderSettings | undefined {
  const read = readDocuments(text);
  read.problems.forEach(report);
  const [document, second] = read.documents;
  if (document === undefined || second !== undefined) {
    if (read.problems.length === 0)
      report({ code: 'several', message: `${SETTINGS_FILE} holds one document`, remedy: EXAMPLE, path: '' });
    return undefined;
  }
  const problems = new Problems(document.locate);
  const settings = settingsOf(document.value, problems);
  problems.list.forEach(report);
  return problems.none ? settings : undefined;
}

function settingsOf(value: unknown, problems: Problems): FolderSettings | undefined {
  const raw = objectOf(value, [], 'the settings', ['apiVersion', 'kind', 'url', 'owns'], problems);
  if (raw === undefined) return undefined;
  const { apiVersion, kind, url, owns = [] } = raw;
  if (apiVersion !== API_VERSION)
    problems.add(
      ['apiVersion'],
      'bad_version',
      'the apiVersion is not known here',
      `Write apiVersion: ${API_VERSION}.`,
    );
  if (kind !== 'PolicyFolder')
    problems.add(['kind'], 'bad_kind', 'this is not the settings of a folder', 'Write kind: PolicyFolder.');
  if (url !== undefined && (typeof url !== 'string' || !isOrigin(url)))
    problems.add(['url'], 'bad_url', 'url is not the address of a server', 'Write url: https://hivekey.acme.example.');
  const types: string[] = [];
  if (!Array.isArray(owns)) problems.add(['owns'], 'type', 'owns must be a list', EXAMPLE);
  else
    for (const [i, name] of owns.entries()) {
      const found = kindNamed(name);
      if (found !== undefined) types.push(found.type);
      else {
        const known = KINDS.map((each) => each.kind).join(', ');
        problems.add(
          ['owns', i],
          'bad_kind',
          `${JSON.stringify(name)} is not a kind known here`,
          `Write some of ${known}.`,
        );
      }
    }
  return {
    owns: [...new Set(types)].sort(),
    ...(typeof url === 'string' && isOrigin(url) ? { url: new URL(url).origin } : {}),
  };
}

function isOrigin(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}
