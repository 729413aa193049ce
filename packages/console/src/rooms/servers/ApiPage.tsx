import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { at } from '../../api/client.ts';
import { httpApiQuery, operationsQuery } from '../../api/queries.ts';
import { Identifier } from '../../ui/Copy.tsx';
import { rowLink } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { ApproveAll } from './ApproveAll.tsx';
import { DefinitionDrawer } from './DefinitionDrawer.tsx';
import { Definitions } from './Definitions.tsx';
import classes from './servers.module.css';
import { isWaiting } from './status.ts';

const route = getRouteApi('/in/apis/$api');
const UP = { to: '/servers', label: 'MCP servers and HTTP APIs' };

/** A REST API: its operations are looked at and approved as the definitions of MCP servers are. */
export function ApiPage() {
  const { api: namespace } = route.useParams();
  const { definition } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: api, error, refetch } = useQuery(httpApiQuery(namespace));
  const { data: operations, error: failure } = useQuery(operationsQuery(namespace));
  const path = at`/v1/http/apis/${namespace}/operations`;
  if (error !== null || failure !== null)
    return (
      <Page title={namespace} up={UP}>
        <ErrorNotice error={error ?? failure} retry={() => void refetch()} />
      </Page>
    );
  if (api === undefined)
    return (
      <Page title={namespace} up={UP}>
        <Skeleton height={260} aria-label="Loading" />
      </Page>
    );
  const waiting = operations?.filter(isWaiting) ?? [];
  return (
    <Page title={api.namespace} up={UP} mark={<StatusMark status={api.status} />}>
      <Panel>
        <div className={classes.facts}>
          <Facts
            facts={[
              [
                'Endpoint',
                <span key="endpoint" className="mono">
                  {api.endpoint}
                </span>,
              ],
              [
                'Agents call',
                <span key="base" className="mono">
                  {api.base_path}
                </span>,
              ],
              ['Credential', api.credential_ref ?? 'none'],
              ['Reads, writes', api.default_access],
            ]}
          />
          <Facts
            facts={[
              ['Document', api.document === null ? 'none yet' : `${api.document.title} ${api.document.version}`],
              ['Document read', <Time key="read" value={api.document?.imported ?? null} absent="never" />],
              [
                'Registered',
                <span key="created">
                  <Time value={api.created} /> by {api.created_by}
                </span>,
              ],
              ['Id', <Identifier key="id" value={api.id} what="API id" />],
            ]}
          />
        </div>
      </Panel>
      <div style={{ height: 28 }} />
      <Section title="Operations" aside={waiting.length > 0 ? <ApproveAll path={path} waiting={waiting} /> : null}>
        <Definitions
          rows={operations}
          command={`npx hivekey http-api refresh ${namespace} -f openapi.yaml`}
          link={(capability) => (
            <Link
              from="/apis/$api"
              to="."
              search={(old) => ({ ...old, definition: capability })}
              className={`${rowLink} mono`}
              title={capability}
            >
              {capability}
            </Link>
          )}
        />
      </Section>
      <DefinitionDrawer
        path={path}
        definition={operations?.find(({ capability }) => capability === definition)}
        next={null}
        onClose={() => navigate({ search: {} })}
      />
    </Page>
  );
}
