// Drives the server with the published windmill-client, as a user's script would: argument 1 is the server, 2 a token.
import assert from 'node:assert/strict';
import * as wmill from 'windmill-client';

const [base, token] = process.argv.slice(2);
process.env.WM_WORKSPACE = 'main';
wmill.setClient(token, base);
const { ScriptService, JobService, UserService, WorkspaceService, SettingsService, WorkerService } = wmill;
const workspace = 'main';
const path = 'f/client/sum';
const done = (what) => console.log('ok', what);

async function refused(status, call) {
  const error = await call.then(() => undefined, (e) => e);
  assert.equal(error?.status, status, `want ${status}, got ${error ?? 'success'}`);
  return error;
}

assert.match(await SettingsService.backendVersion(), /^v\d/);
const me = await UserService.globalWhoami();
assert.equal(me.email, 'dev@example.com');
assert.equal((await UserService.whoami({ workspace })).username, 'dev');
assert.deepEqual((await WorkspaceService.listUserWorkspaces()).workspaces.map((w) => w.id), ['main']);
assert.equal(await WorkspaceService.existsWorkspace({ requestBody: { id: 'main' } }), true);
assert.ok((await WorkspaceService.listWorkspaces()).some((w) => w.id === 'main'));
done('who am I');

const hash = await ScriptService.createScript({
  workspace,
  requestBody: {
    path, summary: 'Sum', description: '', language: 'bash', content: 'a="$1"\nb="$2"\necho adding\necho $((a + b))', kind: 'script',
    schema: undefined, is_template: false, lock: '', tag: undefined, envs: [], concurrent_limit: 5, ws_error_handler_muted: false,
    restart_unless_cancelled: false, deployment_message: 'by the client', labels: ['sums'],
  },
});
assert.match(hash, /^[0-9a-f]{16}$/);
assert.equal(await ScriptService.existsScriptByPath({ workspace, path }), true);
const script = await ScriptService.getScriptByPath({ workspace, path });
assert.equal(script.hash, hash);
assert.equal(script.concurrent_limit, 5);
assert.deepEqual(Object.keys(script.schema.properties), ['a', 'b']);
assert.deepEqual((await ScriptService.listScripts({ workspace, pathStart: 'f/client/', perPage: 10, page: 1 })).map((s) => s.path), [path]);
assert.deepEqual(await ScriptService.listScriptPaths({ workspace }), [path]);
assert.equal((await ScriptService.getScriptHistoryByPath({ workspace, path }))[0].deployment_msg, 'by the client');
assert.equal(await ScriptService.rawScriptByHash({ workspace, path: hash }), script.content);
await refused(409, ScriptService.createScript({ workspace, requestBody: { path, summary: '', content: 'echo', language: 'bash' } }));
await refused(404, ScriptService.getScriptByPath({ workspace, path: 'f/client/none' }));
done('scripts');

assert.equal(await wmill.runScriptByPath(path, { a: '40', b: '2' }), 42);
assert.equal(await wmill.runScriptByHash(hash, { a: '1', b: '2' }), 3);
assert.equal(await JobService.runWaitResultScriptByPath({ workspace, path, requestBody: { a: '20', b: '22' } }), 42);
const payload = Buffer.from(JSON.stringify({ a: '5', b: '6' })).toString('base64');
assert.equal(await JobService.runWaitResultScriptByPathGet({ workspace, path, payload }), 11);
const id = await wmill.runScriptByPathAsync(path, { a: '3', b: '4' });
assert.equal(await wmill.waitJob(id), 7);
assert.equal(await JobService.getCompletedJobResult({ workspace, id }), 7);
assert.equal(await wmill.getRootJobId(id), id);
const job = await JobService.getJob({ workspace, id });
assert.equal(job.type, 'CompletedJob');
assert.equal(job.success, true);
assert.equal(job.script_hash, hash);
assert.deepEqual(job.args, { a: '3', b: '4' });
assert.match(job.logs, /adding/);
assert.match(await JobService.getJobLogs({ workspace, id }), /adding/);
assert.deepEqual(await JobService.getJobArgs({ workspace, id }), { a: '3', b: '4' });
const updates = await JobService.getJobUpdates({ workspace, id, running: false, logOffset: 0 });
assert.equal(updates.completed, true);
assert.match(updates.new_logs, /adding/);
const invalid = await refused(400, JobService.runScriptByPath({ workspace, path, requestBody: { a: '1' } }));
assert.equal(invalid.body.errors[0].location, 'args.b');
done('runs');

const preview = await JobService.runScriptPreview({
  workspace, requestBody: { content: 'echo "{\\"x\\": $1}"', args: {}, language: 'bash', path: 'f/client/draft' },
});
assert.ok(await wmill.waitJob(preview).catch((e) => e));
await assert.rejects(
  wmill.waitJob(await JobService.runScriptPreview({ workspace, requestBody: { content: 'exit 3', args: {}, language: 'bash' } })),
  /was not successful/,
);
done('previews');

const slow = await JobService.runScriptPreview({ workspace, requestBody: { content: 'sleep 600', args: {}, language: 'bash' } });
assert.equal((await JobService.getCompletedJobResultMaybe({ workspace, id: slow })).completed, false);
assert.equal(typeof (await wmill.cancelJob(slow, 'enough')), 'string');
await assert.rejects(wmill.waitJob(slow), /was not successful/);
const canceled = await JobService.getCompletedJob({ workspace, id: slow });
assert.equal(canceled.canceled, true);
assert.equal(canceled.canceled_by, 'dev');
assert.equal(canceled.canceled_reason, 'enough');
const later = await wmill.runScriptByPathAsync(path, { a: '1', b: '1' }, 3600);
assert.deepEqual((await JobService.listQueue({ workspace, running: false })).map((j) => j.id), [later]);
assert.equal((await JobService.getQueueCount({ workspace })).database_length, 1);
assert.deepEqual(await JobService.cancelSelection({ workspace, requestBody: [later] }), [later]);
done('cancel');

const first = await JobService.listJobs({ workspace, perPage: 3, jobKinds: 'script,flow,singlestepflow', hasNullParent: true });
assert.equal(first.length, 3);
assert.ok(first.every((j) => j.script_path === path));
const failures = await JobService.listCompletedJobs({ workspace, success: false, perPage: 10, page: 1 });
assert.ok(failures.length >= 2 && failures.every((j) => j.success === false));
assert.ok((await JobService.listJobs({ workspace, label: 'sums', success: true })).length >= 5);
const workers = await WorkerService.listWorkers({ perPage: 10 });
assert.equal(workers.length, 1);
done('lists');

const secret = await UserService.createToken({ requestBody: { label: 'made by the client' } });
assert.ok((await UserService.listTokens({ excludeEphemeral: true })).some((t) => t.label === 'made by the client'));
await UserService.deleteToken({ tokenPrefix: secret.slice(0, 10) });
await ScriptService.archiveScriptByPath({ workspace, path });
await refused(409, JobService.runScriptByPath({ workspace, path, requestBody: {} }));
await ScriptService.deleteScriptByPath({ workspace, path });
done('the end');
