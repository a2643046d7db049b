import { accessible, type Api, expect, forgive, test, WORKSPACE } from './studio';

const w = `/w/${WORKSPACE}`;

/** Starts code that is not deployed; the answer is the id of its run. */
const preview = (api: Api, content: string, tag?: string) =>
  api.post(`/api/w/${WORKSPACE}/jobs/run/preview`, { language: 'bash', content, args: {}, tag });

const ended = async (api: Api, id: string) => {
  await expect
    .poll(async () => (await api.get<{ type: string }>(`/api/w/${WORKSPACE}/jobs_u/get/${id}?no_logs=true`)).type, { timeout: 30_000 })
    .toBe('CompletedJob');
  return id;
};

/** A run whose result is the given JSON. */
const resultOf = async (api: Api, value: unknown) =>
  ended(api, await preview(api, `cat > result.json <<'END_OF_RESULT'\n${JSON.stringify(value)}\nEND_OF_RESULT\n`));

test('a running one streams its log, ticks, and ends when cancelled', async ({ page, api }) => {
  const id = await preview(api, 'for i in $(seq 1 600); do echo "tick $i"; sleep 0.1; done\n');
  await page.goto(`${w}/runs/${id}`);
  const log = page.getByRole('log', { name: 'Logs lines' });
  await expect(log).toContainText('tick 1');
  await expect(log).toContainText('tick 10');
  await expect(page.getByText('Running', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled', { exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Cancel' })).toHaveCount(0);
  await expect(page.getByRole('group', { name: 'Error' })).toContainText(/cancel/i);
});

test('a failed one opens on its error, shows the line, and leads to it in the editor', async ({ page, api }) => {
  await api.deploy('f/run/fails', '# Adds up.\nset -e\n\ntotal() {\n  missing_command "$1"\n}\n\ntotal 3\n');
  const id = await api.runToEnd('f/run/fails');
  await page.goto(`${w}/runs/${id}`);
  await expect(page.getByText('Failed', { exact: true })).toBeVisible();
  await expect(page.getByRole('group', { name: 'Error' })).toContainText('missing_command');
  const excerpt = page.getByRole('figure');
  await expect(excerpt).toContainText('Line 5');
  await expect(excerpt.locator('[data-hot]')).toContainText('missing_command "$1"');
  await accessible(page);
  await excerpt.getByRole('button', { name: 'Fix in the editor' }).click();
  await expect(page).toHaveURL(/scripts\/edit\/f\/run\/fails\?line=5/);
  await expect(page.locator('.cm-marked-line')).toContainText('missing_command');
});

test('runs again with the same arguments, and with edited ones', async ({ page, api }) => {
  await api.deploy('f/run/again', 'who="${1:-world}"\necho "hello $who"\n');
  const id = await api.runToEnd('f/run/again', { who: 'Ada' });
  await page.goto(`${w}/runs/${id}`);
  await page.getByRole('button', { name: 'Rerun', exact: true }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page.locator('pre', { hasText: /^hello Ada$/ })).toBeVisible();
  const second = page.url();

  await page.getByRole('button', { name: 'Edit and rerun' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit and rerun' });
  await expect(dialog.getByLabel('who')).toHaveValue('Ada');
  await dialog.getByLabel('who').fill('Grace');
  await accessible(page);
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page).not.toHaveURL(second);
  await expect(page.locator('pre', { hasText: /^hello Grace$/ })).toBeVisible();
  await page.getByRole('tab', { name: 'Input' }).click();
  await expect(page.getByRole('tree', { name: 'Arguments' })).toContainText('Grace');
});

test('a waiting one says what it waits for', async ({ page, api }) => {
  const id = await preview(api, 'echo never\n', 'no-such-machine');
  await page.goto(`${w}/runs/${id}`);
  await expect(page.getByText(/no-such-machine/).first()).toBeVisible();
  await page.getByRole('tab', { name: 'Why' }).click();
  await expect(page.getByRole('tabpanel')).toContainText('no-such-machine');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled', { exact: true })).toBeVisible();
});

test('a list of objects is a table that sorts, and JSON when asked', async ({ page, api }) => {
  const id = await resultOf(api, [
    { name: 'b', n: 2 },
    { name: 'a', n: 10 },
    { name: 'c', n: 1 },
  ]);
  await page.goto(`${w}/runs/${id}`);
  const table = page.getByRole('table', { name: 'Result' });
  await table.getByRole('button', { name: 'n', exact: true }).click();
  await expect(table.getByRole('columnheader', { name: 'n', exact: true })).toHaveAttribute('aria-sort', 'ascending');
  await expect(table.getByRole('row').nth(1)).toContainText('c');
  await page.getByText('JSON', { exact: true }).click();
  const tree = page.getByRole('tree', { name: 'Result' });
  await expect(tree).toContainText('name');
  await page.getByLabel('Search in result').fill('10');
  await expect(page.getByText('1 of 1')).toBeVisible();
  await accessible(page);
});

test('a tree is walked by keyboard', async ({ page, api }) => {
  const id = await resultOf(api, { outer: { inner: { leaf: 1 } }, other: 2 });
  await page.goto(`${w}/runs/${id}`);
  const tree = page.getByRole('tree', { name: 'Result' });
  await tree.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowLeft');
  await expect(tree.getByRole('treeitem', { name: /outer/ })).toHaveAttribute('aria-expanded', 'false');
  await page.keyboard.press('ArrowRight');
  await expect(tree.getByRole('treeitem', { name: /inner/ })).toBeVisible();
});

const attacks = [
  '<script>window.hurt = 1</script>',
  '<img src=x onerror="window.hurt = 1">',
  '<svg onload="window.hurt = 1"><script>window.hurt = 1</script></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror="window.hurt = 1"></style></mglyph></table></mtext></math>',
  '<iframe srcdoc="<script>parent.hurt = 1</script>"></iframe>',
  '<form action="//evil.example"><input name="password"></form>',
  '<style>* { display: none }</style>',
  '<p style="position:fixed;inset:0">over</p>',
  '<a href="javascript:window.hurt=1">one</a> <a href="//evil.example" ping="//evil.example">two</a>',
  '<div onclick="window.hurt = 1">click</div>',
];

test('Markdown of a script is shown, and can do nothing to the page', async ({ page, api }) => {
  const text = ['# Report', '', '**fine** [link](https://example.com) [bad](javascript:alert(1)) ![remote](https://evil.example/x.png)', ...attacks].join('\n\n');
  const asked: string[] = [];
  page.on('request', (r) => {
    if (r.url().includes('evil')) asked.push(r.url());
  });
  const id = await resultOf(api, { markdown: text });
  await page.goto(`${w}/runs/${id}`);
  const article = page.getByRole('article', { name: 'Result' });
  await expect(article.getByRole('heading', { name: 'Report' })).toBeVisible();
  await expect(article.getByRole('link', { name: 'link' })).toHaveAttribute('rel', 'noopener noreferrer');
  await expect(article.locator('script, style, iframe, form, svg, math, object, embed')).toHaveCount(0);
  const bad = await article.evaluate((el) =>
    [...el.querySelectorAll('*')].flatMap((n) =>
      [...n.attributes]
        .filter((a) => /^on|^style$|^ping$|^srcdoc$/.test(a.name) || (/^(href|src)$/.test(a.name) && !/^(https?:|mailto:|#|data:image\/)/.test(a.value)))
        .map((a) => `${a.name}=${a.value}`),
    ),
  );
  expect(bad).toEqual([]);
  expect(await page.evaluate(() => (window as { hurt?: number }).hurt)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('HTML of a script lives in a frame of its own that runs and loads nothing', async ({ page, api, complaints }) => {
  const asked: string[] = [];
  page.on('request', (r) => {
    if (r.url().includes('evil')) asked.push(r.url());
  });
  const html = `<style>th { color: rgb(255, 0, 0); background: url(https://evil.example/a.png) }</style><table><tr><th>Head</th></tr></table><p style="color: rgb(0, 0, 255)">Blue</p>${attacks.join('')}`;
  const id = await resultOf(api, { html });
  await page.goto(`${w}/runs/${id}`);
  await expect(page.locator('iframe[title="Result"]')).toBeVisible();
  const frame = page.frameLocator('iframe[title="Result"]');
  await expect(frame.getByText('Blue')).toHaveCSS('color', 'rgb(0, 0, 255)');
  await expect(frame.getByText('Head')).toHaveCSS('color', 'rgb(255, 0, 0)');
  await expect(page.locator('iframe[title="Result"]')).not.toHaveAttribute('sandbox', /allow-scripts|allow-same-origin/);
  expect(await page.evaluate(() => (window as { hurt?: number }).hurt)).toBeUndefined();
  // No script runs there: the browser says so of what this test's own tools try inside the frame.
  forgive(complaints, /Blocked script execution in 'about:srcdoc'/);
  expect(asked).toEqual([]);
});

test('pictures and files are shown as what they are', async ({ page, api }) => {
  const svg = '<svg width="80" height="40" onload="parent.hurt=1"><rect width="80" height="40" fill="teal"/></svg>';
  await page.goto(`${w}/runs/${await resultOf(api, { svg })}`);
  const img = page.getByRole('img', { name: 'Result' });
  await expect(img).toBeVisible();
  expect(await img.evaluate((el) => (el as HTMLImageElement).naturalWidth)).toBe(80);

  await page.goto(`${w}/runs/${await resultOf(api, { file: { content: 'aGVsbG8=', filename: '../../report.txt' } })}`);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  expect((await download).suggestedFilename()).toBe('report.txt');
});

test('a result too large for the page says how large, begins, and can be had whole', async ({ page, api }) => {
  const id = await ended(api, await preview(api, `head -c 4000000 /dev/zero | tr '\\0' x | sed 's/^/"/; s/$/"/' > result.json\n`));
  await page.goto(`${w}/runs/${id}`);
  await expect(page.getByText('3.8 MB')).toBeVisible();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect(await (await (await download).createReadStream()).reduce((n: number, chunk: Buffer) => n + chunk.length, 0)).toBe(4_000_002);
});

test('100,000 lines scroll, search and link with only those in sight in the page', async ({ page, api }) => {
  const id = await ended(api, await preview(api, 'seq 1 100000 | sed "s/$/ some words of a line/"\n'));
  await page.goto(`${w}/runs/${id}?tab=logs`);
  await expect(page.getByText('100,000 lines')).toBeVisible();
  const log = page.getByRole('log', { name: 'Logs lines' });
  expect(await log.locator('[data-index]').count()).toBeLessThan(150);
  await page.getByLabel('Search in logs').fill('77777 some');
  await expect(page.getByText('1 of 1')).toBeVisible();
  await expect(log.locator('mark')).toHaveText('77777 some');
  await page.getByLabel('Search in logs').fill('');
  await page.goto(`${w}/runs/${id}?tab=logs#L50000`);
  await expect(log.getByText('50000 some words of a line')).toBeVisible();
});

test('colours and links of a log are shown, markup is not', async ({ page, api }) => {
  const id = await ended(
    api,
    await preview(
      api,
      `printf '\\033[31mred\\033[0m \\033]8;;https://example.com/\\033\\\\there\\033]8;;\\033\\\\ \\033]8;;javascript:alert(1)\\033\\\\nowhere\\033]8;;\\033\\\\ <b>bold</b><script>window.hurt=1</script>\\n'\n`,
    ),
  );
  await page.goto(`${w}/runs/${id}?tab=logs`);
  const log = page.getByRole('log', { name: 'Logs lines' });
  await expect(log.getByText('red', { exact: true })).not.toHaveCSS('color', await log.getByText(/<b>bold<\/b>/).evaluate((e) => getComputedStyle(e).color));
  await expect(log.getByRole('link', { name: 'there' })).toHaveAttribute('href', 'https://example.com/');
  await expect(log.getByRole('link', { name: 'nowhere' })).toHaveCount(0);
  await expect(log).toContainText('<b>bold</b><script>');
  await expect(log.locator('b, script')).toHaveCount(0);
});

test('a run that is not there says so', async ({ page, complaints }) => {
  await page.goto(`${w}/runs/01a21004-0000-7000-8000-000000000000`);
  await expect(page.getByRole('alert')).toBeVisible();
  forgive(complaints, /404|no job/);
});
