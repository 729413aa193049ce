/** A company with a bit of everything that evidence is about. */
import { type ChangesWorld, openChanges } from '../changes/world.ts';

export interface EvidenceWorld extends ChangesWorld {
  /** `from=…&to=…` of a period in which all of it happened, and which is over. */
  readonly period: string;
  /** As objects, all of them. */
  rows(report: string, table?: string, period?: string): Promise<Record<string, unknown>[]>;
  file(report: string, format: string, table?: string, period?: string): Promise<Buffer>;
}

export async function openEvidence(): Promise<EvidenceWorld> {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const world = await openChanges();
  await world.capability('crm.read', { access: 'read' });
  await world.role('support', ['crm.read']);
  await world.agent('crm-bot');
  const token = await world.token('crm-bot');
  await world.act(token, 'crm.read');
  const period = `from=${from}&to=${new Date().toISOString()}`;
  return Object.assign(world, {
    period,
    rows: async (report: string, table?: string, of = period) => {
      const found: Record<string, unknown>[] = [];
      for (let cursor = ''; ; ) {
        const page = await world.ok(
          'GET',
          `/v1/evidence/reports/${report}/rows?${of}&limit=200${table ? `&table=${table}` : ''}${cursor}`,
        );
        for (const row of page.rows)
          found.push(Object.fromEntries(page.columns.map((name: string, i: number) => [name, row[i]])));
        if (page.next_cursor === null) return found;
        cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
      }
    },
    file: async (report: string, format: string, table?: string, of = period) => {
      const url = `${world.server.url}/v1/evidence/reports/${report}/file?${of}&format=${format}${table ? `&table=${table}` : ''}`;
      const answer = await fetch(url, { headers: { authorization: `Bearer ${world.server.adminKey}` } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status !== 200) throw new Error(bytes.toString());
      return bytes;
    },
  });
}
