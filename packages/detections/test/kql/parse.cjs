/**
 * Reads `{columns, queries: [{name, text}]}` on standard input and writes what Microsoft's parser has against each:
 * `{name: [message]}`. A process of its own: the parser puts its runtime into the globals.
 */
const { readFileSync } = require('node:fs');

require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');

const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;
const { columns, queries } = JSON.parse(readFileSync(0, 'utf8'));
const table = Symbols.TableSymbol.From(`(${columns})`).WithName('HiveKeyActions_CL');
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('db', [table]));
const found = {};
for (const { name, text } of queries) {
  const diagnostics = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  found[name] = Array.from({ length: diagnostics.Count }, (_, i) => diagnostics.getItem(i).Message);
}
process.stdout.write(JSON.stringify(found));
