/**
 * The server map (MCP config file): namespace, default access, and which upstream tool stands behind which
 * governed name with which access class. What is read is kept as it was and written back unchanged.
 */
import type { DocumentProblem } from '@hivekey/policy';
import { isMap, LineCounter, parseDocument } from 'yaml';
import { Failure } from '../errors.ts';
import { capabilityProblem, foldName, isNamespace } from './names.ts';

export type DefaultAccess = 'read-only' | 'read-write' | 'none';
const DEFAULT_ACCESS: readonly DefaultAccess[] = ['read-only', 'read-write', 'none'];

export interface MappedTool {
  /** Name of the tool upstream. */
  readonly maps: string;
  readonly access: 'read' | 'write';
}

/** Governed name → upstream tool. */
export type RenameMap = Readonly<Record<string, MappedTool>>;

export interface ServerMap {
  readonly namespace: string;
  readonly default_access: DefaultAccess;
  readonly tools: RenameMap;
}

const MAX_TOOLS = 2_000;
const MAX_BYTES = 1024 * 1024;

type Path = readonly string[];
type Report = (path: Path, code: string, message: string, remedy: string) => void;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownKeys(value: Readonly<Record<string, unknown>>, known: readonly string[], path: Path, report: Report) {
  for (const key of Object.keys(value))
    if (!known.includes(key))
      report([...path, key], 'unknown_key', `${key} is not known here`, `Known: ${known.join(', ')}.`);
}

function isDefaultAccess(value: unknown): value is DefaultAccess {
  return DEFAULT_ACCESS.some((each) => each === value);
}

function checkTool(namespace: string, capability: string, value: unknown, report: Report): MappedTool | undefined {
  const path = ['tools', capability];
  const problem = capabilityProblem(namespace, capability);
  if (problem !== undefined)
    report(path, 'name_invalid', `${capability} cannot be a governed name: ${problem}`, `Write ${namespace}.<tool>.`);
  if (!isRecord(value)) {
    report(path, 'type', `${capability} must be a map`, 'Write { maps: <upstream tool>, access: read }.');
    return undefined;
  }
  unknownKeys(value, ['maps', 'access'], path, report);
  const { maps, access } = value;
  if (typeof maps !== 'string' || maps === '')
    report([...path, 'maps'], 'type', 'maps must name an upstream tool', 'Write the tool name as the server lists it.');
  if (access !== 'read' && access !== 'write')
    report([...path, 'access'], 'value', 'access must be read or write', 'Say what the tool does to the system.');
  return typeof maps === 'string' && (access === 'read' || access === 'write') ? { maps, access } : undefined;
}

/** Checks the `tools` of a map. Reports each problem; what is returned is complete only when none was reported. */
function checkTools(namespace: string, value: unknown, report: Report): RenameMap {
  const tools: Record<string, MappedTool> = {};
  if (!isRecord(value)) {
    report(['tools'], 'type', 'tools must be a map', 'Write governed names with { maps, access }.');
    return tools;
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_TOOLS)
    report(['tools'], 'size', `more than ${MAX_TOOLS} tools`, 'Split the server into several namespaces.');
  const folds = new Map<string, string>();
  const sources = new Map<string, string>();
  for (const [capability, entry] of entries.slice(0, MAX_TOOLS)) {
    const tool = checkTool(namespace, capability, entry, report);
    const twin = folds.get(foldName(capability));
    if (twin !== undefined)
      report(['tools', capability], 'collision', `clients may take it for ${twin}`, 'Choose names that differ more.');
    folds.set(foldName(capability), capability);
    if (tool === undefined) continue;
    const first = sources.get(tool.maps);
    if (first !== undefined)
      report(['tools', capability, 'maps'], 'duplicate', `${tool.maps} is mapped by ${first} too`, 'Map it once.');
    sources.set(tool.maps, capability);
    tools[capability] = tool;
  }
  return tools;
}

/** Checks a rename map given by itself. Throws `server_map_invalid`. */
export function checkRenameMap(namespace: string, value: unknown): RenameMap {
  const problems: DocumentProblem[] = [];
  const tools = checkTools(namespace, value, (path, code, message, remedy) =>
    problems.push({ code, message, remedy, path: path.join('.') }),
  );
  refuseIf(problems);
  return tools;
}

/**
 * Reads a server map: YAML or JSON text, or a parsed value. Throws `server_map_invalid` with all problems,
 * with line and column when text was given. `namespace`: of the server it is for.
 */
export function parseServerMap(document: unknown, namespace: string): ServerMap {
  const problems: DocumentProblem[] = [];
  let place: (path: Path) => { readonly line?: number; readonly column?: number } = () => ({});
  let value = document;
  if (typeof document === 'string') {
    if (Buffer.byteLength(document) > MAX_BYTES)
      throw new Failure(413, 'server_map_invalid', 'The server map is too large.', 'Keep it below one mebibyte.');
    const lines = new LineCounter();
    const parsed = parseDocument(document, { lineCounter: lines, uniqueKeys: true, merge: false });
    for (const error of parsed.errors) {
      const { line, col } = lines.linePos(error.pos[0]);
      const message = error.message.split('\n')[0] ?? error.code;
      problems.push({ code: 'syntax', message, remedy: 'Correct the YAML.', path: '', line, column: col });
    }
    refuseIf(problems);
    try {
      value = parsed.toJS({ maxAliasCount: 0 });
    } catch {
      refuseIf([{ code: 'alias', message: 'aliases are not allowed', remedy: 'Write the value out.', path: '' }]);
    }
    place = (path) => {
      const node = placeOf(parsed.contents, path);
      if (node === undefined) return {};
      const { line, col } = lines.linePos(node);
      return { line, column: col };
    };
  }
  const report: Report = (path, code, message, remedy) =>
    problems.push({ code, message, remedy, path: path.join('.'), ...place(path) });
  const map = check(value, namespace, report);
  refuseIf(problems);
  return map;
}

function check(value: unknown, namespace: string, report: Report): ServerMap {
  const nothing: ServerMap = { namespace, default_access: 'none', tools: {} };
  if (!isRecord(value)) {
    report([], 'type', 'a server map is a map', 'Write namespace, default_access and tools.');
    return nothing;
  }
  unknownKeys(value, ['namespace', 'default_access', 'tools'], [], report);
  if (typeof value.namespace !== 'string' || !isNamespace(value.namespace))
    report(['namespace'], 'value', 'namespace is missing or not usable', `Write namespace: ${namespace}.`);
  else if (value.namespace !== namespace)
    report(['namespace'], 'value', `the server's namespace is ${namespace}`, 'Apply the map to the server it is for.');
  const access = value.default_access;
  if (!isDefaultAccess(access))
    report(['default_access'], 'value', 'default_access is unknown', `Write one of ${DEFAULT_ACCESS.join(', ')}.`);
  const tools = checkTools(namespace, value.tools ?? {}, report);
  return { namespace, default_access: isDefaultAccess(access) ? access : 'none', tools };
}

/** Offset of the key at `path`, or of the deepest part of it that is there. */
function placeOf(root: unknown, path: Path): number | undefined {
  let node = root;
  let offset: number | undefined;
  for (const key of path) {
    if (!isMap<{ value?: unknown; range?: readonly number[] | null }>(node)) break;
    const pair = node.items.find((item) => item.key.value === key);
    if (pair === undefined) break;
    offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

function refuseIf(problems: readonly DocumentProblem[]): void {
  const first = problems[0];
  if (first === undefined) return;
  const where = first.line === undefined ? first.path : `line ${first.line}, column ${first.column ?? 1}`;
  throw new Failure(
    400,
    'server_map_invalid',
    `The server map cannot be used: ${where === '' ? '' : `${where}: `}${first.message}.`,
    first.remedy,
    problems,
  );
}
