import { expect, test, WORKSPACE } from './studio';

test.beforeEach(async ({ api }) => {
  await api.deploy('f/runs/quick', 'echo done', '');
  await api.deploy('f/runs/broken', 'exit 1', '');
  await api.deploy('f/runs/slow', 'sleep 120', '');
});

test('lists runs, keeps the filter in the address, and opens one', async ({ page, api }) => {
  await api.runToEnd('f/runs/quick');
  await api.runToEnd('f/runs/broken');
  await page.goto(`/w/${WORKSPACE}/runs`);
  const table = page.getByRole('grid', { name: 'Runs' });
  await expect(table.getByRole('row', { name: /Success.*f\/runs\/quick/ }).first()).toBeVisible();
  await page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'Failed' }).click();
  await expect(page).toHaveURL(/status=failure/);
  await expect(table.getByRole('row', { name: /f\/runs\/quick/ })).toHaveCount(0);
  await expect(table.getByRole('row', { name: /Failed.*f\/runs\/broken/ }).first()).toBeVisible();
  await page.reload();
  await expect(table.getByRole('row', { name: /f\/runs\/quick/ })).toHaveCount(0);

  await page.getByRole('textbox', { name: 'Filter by path' }).fill('f/nowhere');
  await expect(page.getByRole('heading', { name: 'No run fits' })).toBeVisible();
  await page.getByRole('button', { name: 'Clear the filters' }).click();
  await expect(page).toHaveURL(/\/runs$/);

  await table.getByRole('link', { name: 'f/runs/broken' }).first().click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}/);
  await page.goBack();
  await expect(table).toBeVisible();
});

test('one click shows the runs of one script only, and one click all again', async ({ page, api }) => {
  await api.deploy('f/runs/quick_too', 'echo done', '');
  await api.runToEnd('f/runs/quick');
  await api.runToEnd('f/runs/quick_too');
  await page.goto(`/w/${WORKSPACE}/runs`);
  const table = page.getByRole('grid', { name: 'Runs' });
  await table.getByRole('row', { name: /f\/runs\/quick\b(?!_)/ }).first().hover();
  await table.getByRole('button', { name: 'Only runs of f/runs/quick', exact: true }).first().click();
  await expect(page).toHaveURL(/script=f/);
  await expect(table.getByText('f/runs/quick_too')).toHaveCount(0);
  await expect(table.getByText('f/runs/quick', { exact: true }).first()).toBeVisible();
  await page.getByRole('button', { name: /Of f\/runs\/quick/ }).click();
  await expect(table.getByText('f/runs/quick_too').first()).toBeVisible();
});

test('shows what starts and ends elsewhere as it happens, and cancels', async ({ page, api }) => {
  await page.goto(`/w/${WORKSPACE}/runs?path=f/runs/slow`);
  await expect(page.getByRole('status', { name: /^Connected/ })).toBeVisible();
  await api.run('f/runs/slow');
  const row = page.getByRole('row', { name: /f\/runs\/slow/ }).first();
  await expect(row).toContainText('Running');
  await row.getByRole('button', { name: 'Cancel' }).click();
  await expect(row).toContainText('Cancelled');
});

test('does not move what is being read: new runs wait behind a pill', async ({ page, api }) => {
  test.slow();
  for (let i = 0; i < 30; i++) await api.run('f/runs/quick');
  await api.runToEnd('f/runs/quick');
  await page.goto(`/w/${WORKSPACE}/runs?path=f/runs/quick`);
  await expect(page.getByRole('status', { name: /^Connected/ })).toBeVisible();
  const scroller = page.locator('[data-scroller]');
  await scroller.evaluate((e) => e.scrollTo({ top: 200 }));
  await api.runToEnd('f/runs/quick');
  await api.runToEnd('f/runs/quick');
  const pill = page.getByRole('button', { name: /2 new runs/ });
  await expect(pill).toBeVisible();
  expect(await scroller.evaluate((e) => e.scrollTop)).toBe(200);
  await pill.click();
  await expect(pill).toBeHidden();
  expect(await scroller.evaluate((e) => e.scrollTop)).toBe(0);
});

test('loads older pages as one scrolls, each run once', async ({ page, api }) => {
  test.slow();
  for (let i = 0; i < 60; i++) await api.run('f/runs/quick', { n: i });
  await api.runToEnd('f/runs/quick');
  await page.goto(`/w/${WORKSPACE}/runs?path=f/runs/quick`);
  const scroller = page.locator('[data-scroller]');
  await expect
    .poll(async () => {
      await scroller.evaluate((e) => e.scrollTo({ top: e.scrollHeight }));
      return page.getByText(/That is all: \d+ runs/).count();
    })
    .toBe(1);
  const said = Number((await page.getByText(/That is all/).textContent())?.match(/\d+/)?.[0]);
  expect(said).toBeGreaterThan(60);
});
