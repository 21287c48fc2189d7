import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The api serves what is built here: `/static/*` from dist/, and dist/index.html for `/` and the console's own paths.
// In development (`npm run dev -w console` beside `make api`) the API is reached through a proxy.
const api = process.env.PARLEY_API ?? 'http://127.0.0.1:8000';

export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/static/' : '/',
  plugins: [react()],
  build: { assetsInlineLimit: 0, target: 'es2022', modulePreload: { polyfill: false }, reportCompressedSize: false },
  // The server takes its cookie only from its own origin: the proxy speaks as that.
  server: {
    port: 5173,
    proxy: {
      '/api': { target: api, changeOrigin: true, headers: { origin: api } },
      ...Object.fromEntries(['/openapi.json', '/docs', '/redoc'].map((page) => [page, { target: api }])),
    },
  },
}));
