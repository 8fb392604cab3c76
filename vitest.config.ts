import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/**
 * `*.test.ts` run inside workerd with every binding; `*.node.test.ts` run in Node (servers, processes); the `system`
 * project needs programs that `npm run test:system` installs.
 */
export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './test/support/wrangler.toml' },
            remoteBindings: false,
            miniflare: {
              bindings: {
                TEST_CONTROL_MIGRATIONS: await readD1Migrations('./migrations/control'),
                TEST_INDEX_MIGRATIONS: await readD1Migrations('./migrations/index'),
                ENVIRONMENT: 'development',
                // A line a request would bury what a failing test prints.
                API_DEBUG: 'warn',
                API_JWT_SECRET: 'a-secret-of-the-test-suite-that-is-long-enough',
                API_ADMIN_USERNAME: 'root',
                API_ADMIN_PASSWORD: 'correct horse battery staple',
                API_ADMIN_API_KEY: 'rak_test0000000000000000000000000000000000000000',
                OAUTH_GITHUB_CLIENT_ID: 'of-the-tests',
                OAUTH_GITHUB_CLIENT_SECRET: 'of-the-tests',
                EGRESS_ALLOW: '127.0.0.0/8',
                // Short, so that a test of what stalls waits for it; long enough for git under load.
                EGRESS_IDLE_SECONDS: '3',
              },
            },
          })),
        ],
        test: {
          name: 'workers',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.node.test.ts', 'test/system/**', 'test/bench/**'],
          setupFiles: ['./test/support/setup.ts'],
          globalSetup: ['./test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'node',
          include: ['test/**/*.node.test.ts'],
          exclude: ['test/system/**', 'test/bench/**'],
          globalSetup: ['./test/support/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
