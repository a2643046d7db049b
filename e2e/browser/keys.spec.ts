import { accessible, expect, test, WORKSPACE } from './studio';

test('every place is reached by keys, and the sheet tells which', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}`);
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
  for (const [key, heading] of [
    ['r', 'Runs'],
    ['w', 'Workers'],
    ['a', 'Account'],
    ['h', 'Home'],
  ] as const) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
  }
  await page.keyboard.press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys' });
  await expect(sheet).toContainText('Search and commands');
  await expect(sheet.getByText('Runs')).toBeVisible();
  await accessible(page);
  await page.keyboard.press('Escape');
  await expect(sheet).toBeHidden();
});

test('the palette finds places, actions and scripts', async ({ page, api }) => {
  await api.deploy('f/keys/close_month', 'true', 'Close the month');
  await page.goto(`/w/${WORKSPACE}/runs`);
  await expect(page.getByRole('heading', { name: 'Runs', level: 1 })).toBeVisible();
  await page.keyboard.press('ControlOrMeta+k');
  const palette = page.getByRole('dialog', { name: 'Command palette' });
  const input = palette.getByRole('combobox', { name: 'Search commands' });
  await expect(input).toBeFocused();
  await input.fill('close mon');
  await expect(palette.getByRole('option', { name: 'f/keys/close_month' })).toHaveAttribute('aria-selected', 'true');
  await accessible(page);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/f\/keys\/close_month/);

  await page.keyboard.press('ControlOrMeta+k');
  await input.fill('zzzz');
  await expect(palette.getByText('Nothing here is called')).toBeVisible();
  await input.fill('workers');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/workers$/);
});

test('the first stop of Tab leads past the frame', async ({ page }) => {
  await page.goto(`/w/${WORKSPACE}/workers`);
  await expect(page.getByRole('heading', { name: 'Workers' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the page' })).toBeFocused();
});
