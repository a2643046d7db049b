import { accessible, expect, fits, forgive, test, WORKSPACE } from './studio';

const w = `/w/${WORKSPACE}`;
const sizes = [
  { name: 'wide', width: 1440, height: 860 },
  { name: 'phone', width: 360, height: 740 },
];

type Made = { script: string; ok: string; failed: string };
let made: Made | undefined;

/** One script and a run of each outcome, for all tests of this file. */
test.beforeEach(async ({ api }) => {
  if (made) return;
  await api.deploy('f/pages/greet', 'msg="$1"\necho -e "\\033[32mhello\\033[0m $msg"\necho \'{"greeting":"hello"}\'', 'Greets whoever is named');
  await api.deploy('f/pages/broken', 'echo "about to fail" >&2\nexit 7', 'Fails');
  made = {
    script: 'f/pages/greet',
    ok: await api.runToEnd('f/pages/greet', { msg: 'world' }),
    failed: await api.runToEnd('f/pages/broken'),
  };
});

const pages: { name: string; address: (m: Made) => string; ready: string | RegExp }[] = [
  { name: 'home', address: () => w, ready: 'Home' },
  { name: 'runs', address: () => `${w}/runs`, ready: 'Runs' },
  { name: 'run', address: (m) => `${w}/runs/${m.ok}`, ready: /greet/ },
  { name: 'run-failed', address: (m) => `${w}/runs/${m.failed}`, ready: /broken/ },
  { name: 'script', address: (m) => `${w}/scripts/get/${m.script}`, ready: /greet|Greets/ },
  { name: 'editor', address: (m) => `${w}/scripts/edit/${m.script}`, ready: /./ },
  { name: 'new', address: () => `${w}/scripts/new?sample=hello`, ready: /./ },
  { name: 'workers', address: () => `${w}/workers`, ready: 'Workers' },
  { name: 'account', address: () => `${w}/account`, ready: 'Account' },
];

for (const scheme of ['light', 'dark'] as const) {
  for (const size of sizes) {
    for (const p of pages) {
      test(`${p.name}, ${scheme}, ${size.name}: accessible, fits, console clean`, async ({ page }) => {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await page.setViewportSize(size);
        await page.goto(p.address(made as Made));
        await expect(page.getByRole('heading', { level: 1, name: p.ready }).first()).toBeVisible();
        if (p.name === 'editor' || p.name === 'new') await expect(page.locator('.cm-content')).toBeVisible();
        await expect(page.getByRole('status', { name: /^Connected/ })).toBeVisible();
        expect(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme)).toBe(scheme);
        await accessible(page);
        await fits(page);
        const shots = process.env.E2E_SCREENSHOTS;
        if (shots) await page.screenshot({ path: `${shots}/${p.name}-${scheme}-${size.name}.png` });
      });
    }
  }
}

test('an address that leads nowhere says so, inside the frame and out', async ({ page, complaints }) => {
  for (const address of ['/nowhere', `${w}/nowhere`]) {
    await page.goto(address);
    await expect(page.getByRole('heading', { name: 'There is no page at this address' })).toBeVisible();
    await accessible(page);
  }
  await page.goto(`${w}/runs/0192f000-0000-7000-8000-000000000000`);
  await expect(page.getByRole('alert')).toContainText(/no job/i);
  await expect(page.getByRole('link', { name: 'Go home' })).toBeVisible();
  await accessible(page);
  forgive(complaints, /404/);
});

test('a page that fails says what, why and what to do, and tries again', async ({ page, complaints }) => {
  let down = true;
  await page.route('**/jobs/list*', (route) =>
    down
      ? route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          body: JSON.stringify({
            title: 'Service Unavailable',
            status: 503,
            detail: 'the database cannot be reached now',
            hint: 'try again in a moment',
            request_id: 'req-503',
          }),
        })
      : route.continue(),
  );
  await page.goto(`${w}/runs`);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('The database cannot be reached now.');
  await expect(alert).toContainText('Try again in a moment.');
  await expect(alert).toContainText('req-503');
  await accessible(page);
  down = false;
  await alert.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('grid', { name: 'Runs' })).toBeVisible();
  forgive(complaints, /503/);
});

test('a page one may not open says so and offers no useless retry', async ({ page, complaints }) => {
  await page.route('**/api/workers/list*', (route) =>
    route.fulfill({
      status: 403,
      contentType: 'application/problem+json',
      body: JSON.stringify({ status: 403, detail: 'operators may not see the workers', hint: 'ask an administrator', request_id: 'r' }),
    }),
  );
  await page.goto(`${w}/workers`);
  await expect(page.getByRole('alert')).toContainText('Operators may not see the workers.');
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
  await accessible(page);
  forgive(complaints, /403/);
});

test('a workspace without anything says what lives there and how to start', async ({ page }) => {
  await page.route('**/scripts/list*', (route) => route.fulfill({ json: [] }));
  await page.route('**/jobs/list*', (route) => route.fulfill({ json: [] }));
  await page.route('**/workers/list*', (route) => route.fulfill({ json: [] }));
  await page.goto(w);
  await expect(page.getByRole('heading', { name: 'No scripts yet' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Start from a sample' })).toBeVisible();
  await accessible(page);
  await page.goto(`${w}/runs`);
  await expect(page.getByRole('heading', { name: 'Nothing has run yet' })).toBeVisible();
  await page.goto(`${w}/workers`);
  await expect(page.getByRole('heading', { name: 'No worker is alive' })).toBeVisible();
  await accessible(page);
});

test('a view opens with few requests', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (r) => {
    const { pathname } = new URL(r.url());
    if (pathname.startsWith('/api/') && !pathname.endsWith('/events')) asked.push(pathname);
  });
  await page.goto(`${w}/workers`);
  await expect(page.getByRole('heading', { name: 'Workers' })).toBeVisible();
  // What every page needs to know about who looks was asked; from here on each view asks for itself.
  const opens = async (name: string, most: number) => {
    asked.length = 0;
    await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name, exact: true }).click();
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
    await page.waitForLoadState('networkidle').catch(() => undefined);
    expect(asked.length, `${name} asked for ${asked.join(', ')}`).toBeLessThanOrEqual(most);
  };
  await opens('Account', 1);
  // The languages' icons are asked for once per visit.
  await opens('Runs', 2);
  // Scripts, their last runs, one's drafts.
  await opens('Home', 3);
  await opens('Runs', 1);
});

test('nothing is loaded from elsewhere, and the policy allows no inline code', async ({ page }) => {
  const foreign: string[] = [];
  page.on('request', (r) => {
    if (!r.url().startsWith(process.env.E2E_URL ?? '?') && !/^(data|blob):/.test(r.url())) foreign.push(r.url());
  });
  const answer = await page.goto(w);
  expect(answer?.headers()['content-security-policy']).toContain("script-src 'self'");
  expect(answer?.headers()['content-security-policy']).not.toContain('unsafe');
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
  expect(foreign).toEqual([]);
});
