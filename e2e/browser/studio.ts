import { AxeBuilder } from '@axe-core/playwright';
import { type APIRequestContext, test as base, expect, type Page } from '@playwright/test';

/** Who the tests are: made by first-run.setup.ts. */
export const ADMIN = { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery' };
/** The workspace that comes with the first administrator. */
export const WORKSPACE = 'main';

const url = () => process.env.E2E_URL ?? '';

/** The API as the signed-in person, for what a test needs to find. */
export class Api {
  private readonly request: APIRequestContext;
  constructor(request: APIRequestContext) {
    this.request = request;
  }

  async post(path: string, data?: unknown): Promise<string> {
    const answer = await this.request.post(path, { data: data ?? {}, headers: { 'X-Tidemill-CSRF': '1' } });
    expect(answer.ok(), `POST ${path}: ${answer.status()} ${await answer.text()}`).toBeTruthy();
    return answer.text();
  }

  async get<T>(path: string): Promise<T> {
    const answer = await this.request.get(path);
    expect(answer.ok(), `GET ${path}: ${answer.status()} ${await answer.text()}`).toBeTruthy();
    return (await answer.json()) as T;
  }

  /** Deploys a Bash script; a second time, a new version of it. */
  deploy(path: string, content: string, summary = ''): Promise<string> {
    return this.post(`/api/w/${WORKSPACE}/scripts/create`, {
      path,
      content,
      summary,
      language: 'bash',
      auto_parent: true,
    });
  }

  /** Starts a script and gives the job's id. */
  run(path: string, args: Record<string, unknown> = {}): Promise<string> {
    return this.post(`/api/w/${WORKSPACE}/jobs/run/p/${path}`, args);
  }

  /** Runs a script and waits for its end, well or not. */
  async runToEnd(path: string, args: Record<string, unknown> = {}): Promise<string> {
    const id = await this.run(path, args);
    await expect
      .poll(async () => (await this.get<{ type: string }>(`/api/w/${WORKSPACE}/jobs_u/get/${id}?no_logs=true`)).type, {
        timeout: 30_000,
      })
      .toBe('CompletedJob');
    return id;
  }
}

type Fixtures = {
  api: Api;
  /** What the console said that it should not have; must be empty at the end of every test. */
  complaints: string[];
};

export const test = base.extend<Fixtures>({
  baseURL: async ({}, use) => use(url()),
  storageState: async ({}, use) => use(process.env.E2E_STATE),
  api: async ({ context }, use) => use(new Api(context.request)),
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('console', (m) => {
        if (m.type() === 'error' || m.type() === 'warning') complaints.push(`${m.type()}: ${m.text()} ${m.location().url}`);
      });
      page.on('pageerror', (e) => complaints.push(`exception: ${e.message}`));
      await use(complaints);
      // That there is no draft is told as 404, of which the browser complains by itself.
      forgive(complaints, /404.*\/drafts\/script\//);
      expect(complaints, 'the console is clean').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Answers that are no success make the browser complain by itself; a test that provokes them drops those lines. */
export function forgive(complaints: string[], pattern: RegExp) {
  for (let i = complaints.length - 1; i >= 0; i--) if (pattern.test(complaints[i] ?? '')) complaints.splice(i, 1);
}

/** No serious or critical finding of axe, in the colour scheme and size that are set. */
export async function accessible(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.html.slice(0, 160)} (${n.any.map((a) => a.message).join('; ')})`).join(' | ')}`);
  expect(bad, `axe on ${page.url()}`).toEqual([]);
}

/** Nothing is wider than the screen. */
export async function fits(page: Page) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out: string[] = [];
    if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
    return out;
  });
  expect(wide, `layout of ${page.url()}`).toEqual([]);
}
