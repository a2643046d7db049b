import { expect, forgive, test, WORKSPACE } from './studio';

test.beforeEach(async ({ api }) => {
  await api.deploy('f/home/greet', 'echo "hello $1"', 'Greets somebody');
  await api.deploy('f/home/count', 'seq 5', '');
});

test('lists scripts with what they are called, and filters as one types', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}`);
  const table = page.getByRole('grid', { name: 'Scripts' });
  await expect(table.getByRole('row', { name: /Greets somebody/ })).toContainText('f/home/greet');
  await expect(table.getByRole('row', { name: /count/ }).getByRole('img', { name: 'Bash' })).toBeVisible();

  await page.keyboard.press('/');
  const filter = page.getByRole('textbox', { name: 'Filter scripts' });
  await expect(filter).toBeFocused();
  await filter.fill('greet some');
  await expect(table.getByRole('row', { name: /Greets somebody/ })).toBeVisible();
  await expect(table.getByRole('row', { name: /f\/home\/count/ })).toBeHidden();
  await expect(page).toHaveURL(/q=greet/);
  await filter.fill('nothing like it');
  await expect(page.getByRole('heading', { name: /Nothing is called/ })).toBeVisible();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await expect(table.getByRole('row', { name: /f\/home\/count/ })).toBeVisible();

  await page.keyboard.press('/');
  await filter.fill('f/home/greet');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/scripts\/get\/f\/home\/greet/);
});

test('moves through rows and opens one by keyboard', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}?q=f/home`);
  const rows = page.getByRole('grid', { name: 'Scripts' }).locator('[data-index]');
  await expect(rows).toHaveCount(2);
  await rows.first().focus();
  await page.keyboard.press('ArrowDown');
  await expect(rows.nth(1)).toBeFocused();
  await page.keyboard.press('Home');
  await expect(rows.first()).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/scripts\/get\/f\/home\//);
});

test('shows what was deployed elsewhere and how it ran, without reloading', async ({ page, api }) => {
  await page.goto(`/w/${WORKSPACE}`);
  await expect(page.getByRole('grid', { name: 'Scripts' })).toBeVisible();
  await expect(page.getByRole('status', { name: /^Connected/ })).toBeVisible();
  await api.deploy('f/home/late', 'exit 3', 'Came later');
  const row = page.getByRole('row', { name: /Came later/ });
  await expect(row).toContainText('never run');
  await api.runToEnd('f/home/late');
  await expect(row.getByText('Failed')).toBeAttached();
});

test('starts a new script in the chosen language', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}`);
  await page.getByRole('button', { name: 'New', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Python' }).click();
  await expect(page).toHaveURL(/\/scripts\/new\?.*language=python3/);
  await expect(page.locator('.cm-content')).toContainText('def main');
});

test('archives at once, and deletes only what was typed', async ({ page, api }) => {
  await api.deploy('f/home/old', 'true', 'To be archived');
  await api.deploy('f/home/gone', 'true', 'To be deleted');
  await page.goto(`/w/${WORKSPACE}`);
  await page.getByRole('button', { name: 'More for f/home/old' }).click();
  await page.getByRole('menuitem', { name: 'Archive' }).click();
  await expect(page.getByRole('row', { name: /To be archived/ })).toBeHidden();

  await page.getByRole('button', { name: 'More for f/home/gone' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete this script' });
  const confirm = dialog.getByRole('button', { name: 'Delete' });
  await dialog.getByRole('textbox').fill('f/home/gon');
  await expect(confirm).toBeDisabled();
  await dialog.getByRole('textbox').fill('f/home/gone');
  await confirm.click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('row', { name: /To be deleted/ })).toBeHidden();
});

test('what was begun and never deployed is found again, at home and by its address', async ({ page, complaints }) => {
  const put = (path: string, content: string) =>
    page.request.put(`/api/w/${WORKSPACE}/drafts/script/${path}`, {
      data: { path, content, language: 'bash', summary: '' },
      headers: { 'X-Tidemill-CSRF': '1' },
    });
  await put('u/ada/begun', 'echo "not lost"\n');
  await put('f/home/greet', 'echo "changed"\n');
  await page.goto(`/w/${WORKSPACE}`);
  const drafts = page.getByRole('region', { name: 'Your drafts' });
  await expect(drafts.getByRole('link', { name: /f\/home\/greet/ })).toContainText('changed');
  await drafts.getByRole('link', { name: /u\/ada\/begun/ }).click();
  await expect(page.getByRole('textbox', { name: 'Path' })).toHaveValue('u/ada/begun');
  await expect(page.locator('.cm-content')).toContainText('not lost');

  await page.goto(`/w/${WORKSPACE}/scripts/edit/u/ada/begun`);
  await expect(page).toHaveURL(/scripts\/new\?path=/);
  await expect(page.locator('.cm-content')).toContainText('not lost');
  await page.getByRole('button', { name: 'Start over' }).click();
  await page.goto(`/w/${WORKSPACE}/scripts/edit/f/home/greet`);
  await page.getByRole('button', { name: 'Drop the draft' }).click();
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  await expect(page.getByRole('grid', { name: 'Scripts' })).toBeVisible();
  await expect(drafts.getByRole('link', { name: /begun|greet/ })).toHaveCount(0);
  forgive(complaints, /404.*scripts\/get\/p\/u\/ada\/begun/);
});
