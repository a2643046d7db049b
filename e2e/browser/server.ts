import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// The last lines of what the server said, to show when it does not come up.
const SHOWN = 4000;
const START_MS = 60_000;

/** Starts the binary before all tests and stops it after them. */
export default async function start(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-browser-'));
  const server = spawn(binary(), ['start', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--log-format', 'text'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Settings of whoever runs the tests must not reach the server.
    env: { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEMILL_'))), HOME: folder },
  });
  try {
    const link = await firstLink(server);
    process.env.E2E_LINK = link;
    process.env.E2E_URL = new URL(link).origin;
    process.env.E2E_STATE = join(folder, 'state.json');
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
  return async () => {
    await stop(server);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
}

// The newest of what the two ways of building leave.
function binary(): string {
  const named = process.env.E2E_BINARY;
  if (named) return named;
  const built = ['tidemill', 'tidemill-test'].map((n) => resolve(__dirname, '../../bin', n)).filter((p) => existsSync(p));
  const [newest] = built.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!newest) throw new Error('there is no bin/tidemill: run `make build` first');
  return newest;
}

function firstLink(server: ChildProcess): Promise<string> {
  return new Promise((resolveLink, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`the server printed no link:\n${said.slice(-SHOWN)}`)), START_MS);
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      const link = said.match(/http:\/\/\S+\/welcome\?token=\S+/)?.[0];
      // The link is printed before the server answers.
      if (!link || !/"?ready"?/.test(said.slice(said.indexOf(link)))) return;
      clearTimeout(timer);
      resolveLink(link);
    };
    server.stdout?.on('data', read);
    server.stderr?.on('data', read);
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${said.slice(-SHOWN)}`)));
  });
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), 40_000);
  await gone;
  clearTimeout(timer);
}

