import { ADMIN, expect, test, WORKSPACE } from './studio';

test.use({ storageState: { cookies: [], origins: [] } });

test('the printed link makes the administrator, who finds a sample open that runs', async ({ page }) => {
  await page.goto(process.env.E2E_LINK ?? '');
  await expect(page.getByRole('heading', { name: 'Welcome to Tidemill' })).toBeVisible();
  await page.getByLabel('Name').fill(ADMIN.name);
  await page.getByLabel('E-mail').fill(ADMIN.email);
  await page.getByLabel('Password', { exact: true }).fill(ADMIN.password);
  await page.getByRole('button', { name: 'Start' }).click();

  await expect(page).toHaveURL(new RegExp(`/w/${WORKSPACE}/scripts/new\\?sample=hello`));
  await page.context().storageState({ path: process.env.E2E_STATE });
  await expect(page.locator('.cm-content')).toContainText('main');
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+Enter');
  await expect(page.getByText('Success', { exact: true }).first()).toBeVisible({ timeout: 60_000 });

  await page.getByRole('link', { name: 'Home', exact: true }).click();
  const steps = page.getByRole('region', { name: 'First steps' });
  await expect(steps.getByRole('listitem').filter({ hasText: 'Run the sample' })).toContainText('done');
});
