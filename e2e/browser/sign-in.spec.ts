import { accessible, ADMIN, expect, forgive, test, WORKSPACE } from './studio';

const nobody = { cookies: [], origins: [] };

test.describe('who is not signed in', () => {
  test.use({ storageState: nobody });

  test('is sent to sign in, told what is wrong, and comes back to the page that was asked for', async ({ page, complaints }) => {
    await page.goto(`/w/${WORKSPACE}/runs?status=success`);
    await expect(page.getByRole('heading', { name: 'Sign in to Tidemill' })).toBeVisible();
    await expect(page.getByLabel('E-mail')).toBeFocused();
    await accessible(page);

    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const alert = page.getByRole('alert');
    await expect(alert).toContainText(/password/i);
    await expect(alert.getByRole('button', { name: 'Copy request' })).toBeVisible();
    await accessible(page);

    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password);
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(new RegExp(`/w/${WORKSPACE}/runs\\?status=success`));
    await expect(page.getByRole('heading', { name: 'Runs' })).toBeVisible();
    forgive(complaints, /401/);
  });

  test('cannot use a link twice', async ({ page, complaints }) => {
    await page.goto(process.env.E2E_LINK ?? '');
    await expect(page.getByRole('heading', { name: 'This link does not work' })).toBeVisible();
    await accessible(page);
    await page.getByRole('link', { name: 'Sign in with a password' }).click();
    await expect(page).toHaveURL(/\/signin$/);
    forgive(complaints, /40[034]/);
  });

  test('is not led away by an address of somebody else', async ({ page, complaints }) => {
    await page.goto('/signin?next=https://example.com/');
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL(new RegExp(`/w/${WORKSPACE}$`));
    forgive(complaints, /401/);
  });

  test('signs in and out again', async ({ page, complaints }) => {
    await page.goto('/signin');
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: /^Account of/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await expect(page).toHaveURL(/\/signin/);
    await page.goto(`/w/${WORKSPACE}`);
    await expect(page.getByRole('heading', { name: 'Sign in to Tidemill' })).toBeVisible();
    forgive(complaints, /401/);
  });
});
