import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

// The real binary on a folder and a port of its own, driven by the system's Chromium.
const chromium =
  process.env.CHROMIUM ??
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p));

export default defineConfig({
  testDir: '../e2e/browser',
  outputDir: '../test-results',
  globalSetup: '../e2e/browser/server.ts',
  // One person at one server: what a test leaves behind must not surprise another.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  // A test that fails once and then passes is reported as flaky, not hidden: two busy cores must not stop a landing.
  retries: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: process.env.CI ? 'line' : 'list',
  use: {
    viewport: { width: 1440, height: 860 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: chromium,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'first run', testMatch: /first-run\.setup\.ts/ },
    { name: 'pages', testMatch: /.*\.spec\.ts/, dependencies: ['first run'] },
  ],
});
