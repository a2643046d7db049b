import { expect, forgive, test, WORKSPACE } from './studio';

test('makes a token that works, shows it once, and deletes it', async ({ page, playwright }) => {
  await page.goto(`/w/${WORKSPACE}/account`);
  await page.getByRole('button', { name: 'New token' }).click();
  const dialog = page.getByRole('dialog', { name: 'New token' });
  await dialog.getByLabel('What for').fill('laptop');
  await dialog.getByRole('button', { name: 'Create' }).click();
  const secret = (await dialog.getByTestId('secret').textContent()) ?? '';
  await dialog.getByRole('button', { name: 'Done' }).click();

  const other = await playwright.request.newContext({ extraHTTPHeaders: { Authorization: `Bearer ${secret}` } });
  const whoami = `${process.env.E2E_URL}/api/users/whoami`;
  expect((await other.get(whoami)).status()).toBe(200);

  await expect(page.getByText(secret)).toHaveCount(0);
  await page.getByRole('button', { name: /^Delete laptop/ }).click();
  await expect(page.getByText('laptop', { exact: true })).toBeHidden();
  expect((await other.get(whoami)).status()).toBe(401);
  await other.dispose();
});

test('refuses to change the password without the present one, beside the field', async ({ page, complaints }) => {
  await page.goto(`/w/${WORKSPACE}/account`);
  await page.getByLabel('Present password').fill('wrong wrong wrong');
  await page.getByLabel('New password').fill('another good password');
  await page.getByRole('button', { name: 'Change the password' }).click();
  await expect(page.getByLabel('Present password')).toHaveAccessibleDescription(/present password/);
  forgive(complaints, /40[0139]/);
});

test('says which session is this one', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}/account`);
  await expect(page.getByRole('region', { name: 'Sessions' })).toContainText('this browser, now');
});

test('shows the workers that are alive', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}/workers`);
  await expect(page.getByRole('article').first()).toContainText('bash');
  await expect(page.getByRole('img', { name: /of \d+ slots? busy/ }).first()).toBeVisible();
});
