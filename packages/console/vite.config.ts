import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dev` finds the API; the built console is served by the API itself. */
const API = process.env.HIVEKEY_URL ?? 'http://127.0.0.1:7420';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    // Everything is a file of our own origin: the content security policy allows no data: URIs but images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': API, '/mcp': API, '/healthz': API, '/readyz': API } },
});
