/** Each finding beside the rule that has none of it, and its place in the text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintTexts } from '../src/index.ts';

const CAPABILITIES = `
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: payments.pay }
access: write
impact: { usd: { field: amount, currency: USD } }
input_schema: { type: object, properties: { to: { type: string }, amount: { type: number } } }
---
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: payments.list }
access: read
input_schema: { type: object, properties: { since: { type: string } } }
---
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: shop.order }
access: write
input_schema: { type: object, properties: { amount: { type: number }, url: { type: string }, path: { type: string } } }
---
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: mail.send }
access: write
input_schema: { type: object, properties: { to: { type: string } } }
---
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: mail.read }
access: read
input_schema: { type: object, properties: { folder: { type: string } } }
---
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: deploy }
access: write
input_schema: { type: object, properties: { target: { type: string }, replicas: { type: integer } } }
`;

function roleText(guards: readonly string[]): string {
  return `apiVersion: policy.hivekey.ai/v1
kind: Role
metadata: { name: clerk }
scope: { allow: [payments.pay, payments.list, shop.order, mail.send, mail.read, deploy] }
guards:
${guards.map((guard, i) => `  - { id: g${i}, ${guard} }`).join('\n')}
`;
}

function lint(guards: readonly string[], more: readonly { name: string; text: string }[] = []) {
  const report = lintTexts([
    { name: 'capabilities.yaml', text: CAPABILITIES },
    { name: 'clerk.yaml', text: roleText(guards) },
    ...more,
  ]);
  if (!report.ok) throw new Error(JSON.stringify(report.problems));
  return report.findings;
}

const CAP = 'action: payments.pay, when: { field: "sum(payments, 24h)", lte: $500 }, effect: allow';
const CASES: readonly { name: string; code: string; found: readonly string[]; clean: readonly string[] }[] = [
  {
    name: 'a guard for what no role grants',
    code: 'unreachable',
    found: ['action: vault.get, when: { field: path, eq: x }, effect: deny'],
    clean: ['action: deploy, when: { field: target, eq: x }, effect: deny'],
  },
  {
    name: 'bounds that exclude each other',
    code: 'never_holds',
    found: ['action: deploy, when: { all: [{ field: replicas, lt: 2 }, { field: replicas, gt: 5 }] }, effect: review'],
    clean: ['action: deploy, when: { all: [{ field: replicas, gt: 2 }, { field: replicas, lt: 5 }] }, effect: review'],
  },
  {
    name: 'one value that must be two',
    code: 'never_holds',
    found: ['action: deploy, when: { all: [{ field: target, eq: a }, { field: args.target, eq: b }] }, effect: allow'],
    clean: ['action: deploy, when: { any: [{ field: target, eq: a }, { field: args.target, eq: b }] }, effect: allow'],
  },
  {
    name: 'an amount that is never negative',
    code: 'always_holds',
    found: [`action: payments.pay, when: { field: amount, gte: 0 }, effect: allow`, CAP],
    clean: [`action: payments.pay, when: { field: amount, gte: 1 }, effect: allow`, CAP],
  },
  {
    name: 'allow in both branches',
    code: 'always_allow',
    found: ['action: deploy, when: { field: target, eq: a }, effect: allow, otherwise: allow'],
    clean: ['action: deploy, when: { field: target, eq: a }, effect: allow, otherwise: review'],
  },
  {
    name: 'a capability that does not exist',
    code: 'always_allow',
    found: ['action: mail.*, when: { field: action, eq: mail.purge }, effect: deny'],
    clean: ['action: mail.*, when: { field: action, eq: mail.send }, effect: review'],
  },
  {
    name: 'a first use that passes where a later one does not',
    code: 'first_use_passes',
    found: ['action: payments.pay, when: { field: first_use(payee), within: 1d }, effect: allow', CAP],
    clean: ['action: payments.pay, when: { field: first_use(payee), within: 1d }, effect: review', CAP],
  },
  {
    name: 'the same, said the other way round',
    code: 'first_use_passes',
    found: ['action: payments.pay, when: { not: { field: first_use(payee), within: 1d } }, effect: review', CAP],
    clean: ['action: payments.pay, when: { not: { field: first_use(payee), within: 1d } }, effect: allow', CAP],
  },
  {
    name: 'a first use of what is not there',
    code: 'field_absent',
    found: ['action: mail.*, when: { field: first_use(payee), within: 1d }, effect: review'],
    clean: ['action: mail.send, when: { field: first_use(payee), within: 1d }, effect: review'],
  },
  {
    name: 'a cap above another, not one over something else',
    code: 'dead',
    found: [CAP, `${CAP.replace('$500', '$900')}, otherwise: review`],
    clean: [CAP, `${CAP.replace('lte: $500', 'lte: $900, unattended: true')}, otherwise: review`],
  },
  {
    name: 'a threshold above the cap on a call',
    code: 'dead',
    found: [
      'action: payments.pay, when: { field: amount, lte: $100 }, effect: allow',
      'action: payments.pay, when: { field: amount, gt: $200 }, effect: review',
      CAP,
    ],
    clean: [
      'action: payments.pay, when: { field: amount, lte: $200 }, effect: allow',
      'action: payments.pay, when: { field: amount, gt: $100 }, effect: review',
      CAP,
    ],
  },
  {
    name: 'a threshold above the cap on a window',
    code: 'dead',
    found: ['action: payments.pay, when: { field: amount, gt: $500 }, effect: review', CAP],
    clean: ['action: payments.pay, when: { field: amount, gt: $499.99 }, effect: review', CAP],
  },
  {
    name: 'an hourly cap above the daily one',
    code: 'dead',
    found: [CAP, 'action: payments.pay, when: { field: "sum(payments, 1h)", lte: $600 }, effect: allow'],
    clean: [CAP, 'action: payments.pay, when: { field: "sum(payments, 1h)", lte: $200 }, effect: allow'],
  },
  {
    name: 'two allow-lists without a common entry',
    code: 'contradiction',
    found: [
      'action: deploy, when: { field: target, eq: staging }, effect: allow',
      'action: deploy, when: { field: target, in: [production, canary] }, effect: allow',
    ],
    clean: [
      'action: deploy, when: { field: target, eq: staging }, effect: allow',
      'action: deploy, when: { field: target, in: [production, staging] }, effect: allow',
    ],
  },
  {
    name: 'a grant that is denied whatever the call',
    code: 'grant_refused',
    found: ['action: deploy, when: { field: action, eq: deploy }, effect: deny'],
    clean: ['action: deploy, when: { field: action, eq: deploy }, effect: review'],
  },
  {
    name: 'a threshold without a cap',
    code: 'threshold_without_cap',
    found: ['action: payments.pay, when: { field: amount, gt: $200 }, effect: review'],
    clean: ['action: payments.pay, when: { field: amount, gt: $200 }, effect: review', CAP],
  },
  {
    name: 'a unit that no impact declares',
    code: 'unit_undeclared',
    found: ['action: shop.order, when: { field: "sum(shop, 24h)", lte: $200 }, effect: allow'],
    clean: [CAP],
  },
  {
    name: 'a field that half of the namespace does not have',
    code: 'field_absent',
    found: ['action: mail.*, when: { field: to.domain, in: [acme.com] }, effect: allow'],
    clean: ['action: mail.send, when: { field: to.domain, in: [acme.com] }, effect: allow'],
  },
  {
    name: 'every domain of a registry',
    code: 'wildcard_domain',
    found: ['action: mail.send, when: { field: to.domain, in: ["*.co.uk"] }, effect: allow'],
    clean: ['action: mail.send, when: { field: to.domain, in: ["*.acme.com"] }, effect: allow'],
  },
  {
    name: 'the end of a host name',
    code: 'loose_match',
    found: ['action: shop.order, when: { field: url, endsWith: acme.com }, effect: allow'],
    clean: ['action: shop.order, when: { field: url, domainIn: [acme.com] }, effect: allow'],
  },
  {
    name: 'the beginning of a path',
    code: 'loose_match',
    found: ['action: shop.order, when: { field: path, startsWith: /srv/reports }, effect: allow'],
    clean: ['action: shop.order, when: { field: path, pathUnder: /srv/reports }, effect: allow'],
  },
];

describe('lint of documents', () => {
  it.each(CASES)('finds $name', ({ code, found, clean }) => {
    const finding = lint(found).find((each) => each.code === code);
    expect(finding?.message).toMatch(/^[^.]/);
    expect(finding?.remedy).toMatch(/\.$/);
    expect(lint(clean).map((each) => each.code)).not.toContain(code);
  });

  it.each([
    ['monthly-cap', 'sum(payments, 30d)', true],
    ['daily-cap', 'sum(payments, 24h)', false],
    ['daily-cap', 'sum(payments, 1h)', true],
    ['weekday-spend', 'sum(payments, 7d)', true],
    ['month.cap', 'sum(payments, 30d)', true],
    ['payments-in-7-days', 'sum(payments, 7d)', false],
    ['today', 'sum(payments, 24h)', true],
    ['monday', 'sum(payments, 24h)', true],
  ])('on the name %s over %s', (id, field, isFound) => {
    const text = roleText([]).replace(
      'guards:\n',
      `guards:\n  - { id: ${id}, action: payments.pay, when: { field: "${field}", lte: $500 }, effect: allow }`,
    );
    const report = lintTexts([
      { name: 'capabilities.yaml', text: CAPABILITIES },
      { name: 'clerk.yaml', text },
    ]);
    expect(report).toMatchObject({ ok: true });
    expect(report.ok && report.findings.some(({ code }) => code === 'calendar_name')).toBe(isFound);
  });

  it('says where: file, document, guard, line and column', () => {
    const [finding] = lint([CAP, 'action: payments.pay, when: { field: amount, gt: $500 }, effect: review']);
    expect(finding).toMatchObject({
      code: 'dead',
      level: 'error',
      file: 'clerk.yaml',
      origin: 'clerk',
      guard: 'g1',
      path: 'guards[1]',
      line: 7,
      column: 5,
    });
  });

  it('says where in the notation of the role guide', () => {
    const text =
      'role: clerk\nallow: [payments.pay]\nguard payments_pay:\n  per_action_max: 1000\n  per_day_max: 500\n';
    const report = lintTexts([
      { name: 'capabilities.yaml', text: CAPABILITIES },
      { name: 'guide.yaml', text },
    ]);
    expect(report.ok && report.findings).toMatchObject([{ code: 'dead', file: 'guide.yaml', line: 3, column: 1 }]);
  });

  it('sees a document together with the rest of the policy, and reports only on the document', () => {
    const beside = {
      revision: 4,
      roles: [],
      workspaceGuards: [],
      capabilities: [{ name: 'deploy', description: '', access: 'write' as const, destructive: true, impact: {} }],
    };
    const text =
      'apiVersion: policy.hivekey.ai/v1\nkind: WorkspaceGuards\nguards:\n  - { id: a, action: crm.purge, when: { field: x, eq: 1 }, effect: deny }\n';
    const report = lintTexts([{ name: 'guards.yaml', text }], beside);
    expect(report.ok && report.findings).toMatchObject([
      { code: 'unreachable', origin: 'workspace', guard: 'a', line: 4 },
    ]);
  });

  it('tells problems instead where a document is not valid', () => {
    const report = lintTexts([
      { name: 'a.yaml', text: roleText(['action: deploy, when: { field: target }, effect: deny']) },
    ]);
    expect(report).toMatchObject({ ok: false, problems: [{ code: 'no_operator', file: 'a.yaml', line: 6 }] });
  });

  it('has nothing against the examples but two true remarks', () => {
    const root = join(import.meta.dirname, '../../../examples');
    const folders = ['policy-as-code/capabilities', 'policy-as-code/roles', 'quickstart'];
    const files = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)));
    const texts = [...files, 'policy-as-code/workspace-guards.yaml'].map((name) => ({
      name,
      text: readFileSync(join(root, name), 'utf8'),
    }));
    const report = lintTexts(texts);
    expect(report.ok && report.findings.map(({ code, level, guard }) => `${level} ${code} ${guard}`)).toEqual([
      'note wildcard_reach pace',
      'note wildcard_reach no-bulk-reading',
    ]);
    for (const text of texts) expect(lintTexts([text])).toEqual({ ok: true, findings: [] });
  });

  it('stays fast for many guards on many capabilities', () => {
    const guards = Array.from(
      { length: 150 },
      (_, i) => `action: "*", when: { field: f${i % 7}, ne: v${i} }, effect: allow`,
    );
    const capabilities = Array.from(
      { length: 300 },
      (_, i) =>
        `---\napiVersion: policy.hivekey.ai/v1\nkind: Capability\nmetadata: { name: many.c${i} }\naccess: read\n`,
    );
    const started = performance.now();
    lint(guards, [{ name: 'many.yaml', text: capabilities.join('') }]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
