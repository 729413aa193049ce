import '@fontsource-variable/inter/index.css';
import '@fontsource-variable/jetbrains-mono/index.css';
import '@mantine/core/styles.layer.css';
import '@mantine/notifications/styles.layer.css';
import '@mantine/spotlight/styles.layer.css';
import './app/theme.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { whenSignedOut } from './api/client.ts';
import { sessionQuery } from './api/queries.ts';
import { forget, makeQueryClient } from './app/query-client.ts';
import { makeRouter } from './app/router.tsx';
import { theme } from './app/theme.ts';

const queryClient = makeQueryClient();
const router = makeRouter(queryClient);

// The session ended (time, sign-out elsewhere, its key revoked): nothing that was read under it stays.
whenSignedOut(() => {
  if (!queryClient.getQueryData(sessionQuery.queryKey)) return;
  queryClient.setQueryData(sessionQuery.queryKey, null);
  void router
    .navigate({ to: '/sign-in', search: { to: router.state.location.href, ended: true }, ignoreBlocker: true })
    .then(() => forget(queryClient));
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    {/* No variables and classes from the provider: they would be <style> elements. theme.css has them. */}
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <Notifications position="bottom-center" autoClose={5000} limit={4} />
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
