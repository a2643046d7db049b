import { expect, test } from 'vitest';
import type { FollowOptions } from '~/api/follow';
import { Problem } from '~/api/problem';
import { RunFeed } from './run-feed';

function fake() {
  const opened: FollowOptions[] = [];
  let closed = 0;
  const feed = new RunFeed('w', 'j', (_w, _id, options) => {
    opened.push(options);
    return () => {
      closed++;
    };
  });
  return { feed, opened, closed: () => closed, last: () => opened.at(-1) as FollowOptions };
}

test('nothing is followed until somebody looks, and once however many look', async () => {
  const { feed, opened, closed } = fake();
  expect(opened).toHaveLength(0);
  const a = feed.subscribe(() => {});
  const b = feed.subscribe(() => {});
  expect(opened).toHaveLength(1);
  a();
  b();
  await Promise.resolve();
  expect(closed()).toBe(1);
});

test('mounting twice in one go, as React does while developing, follows once', async () => {
  const { feed, opened, closed } = fake();
  const first = feed.subscribe(() => {});
  first();
  const second = feed.subscribe(() => {});
  await Promise.resolve();
  expect([opened.length, closed()]).toEqual([1, 0]);
  second();
});

test('updates gather log, streamed result and end', () => {
  const { feed, last } = fake();
  feed.subscribe(() => {});
  last().onConnection(true);
  last().onUpdate({ type: 'update', running: true, new_logs: 'a\n', new_result_stream: 'x', reason: 'r' });
  last().onUpdate({ type: 'update', running: false, completed: true, new_logs: 'b\n', new_result_stream: 'y' });
  expect(feed.logs.lines.map((l) => l.text)).toEqual(['a', 'b']);
  expect(feed.state()).toMatchObject({ completed: true, running: false, stream: 'xy', reason: '' });
});

test('who comes back to an unfinished run sees each line once', async () => {
  const { feed, last, opened } = fake();
  const leave = feed.subscribe(() => {});
  last().onUpdate({ type: 'update', new_logs: 'a\n' });
  leave();
  await Promise.resolve();
  feed.subscribe(() => {});
  expect(opened).toHaveLength(2);
  last().onUpdate({ type: 'update', new_logs: 'a\nb\n' });
  expect(feed.logs.lines.map((l) => l.text)).toEqual(['a', 'b']);
});

test('a run that cannot be followed says why and is not tried again', () => {
  const { feed, last, opened } = fake();
  feed.subscribe(() => {});
  last().onProblem(new Problem(404, 'no such run'));
  feed.subscribe(() => {});
  expect(feed.state().problem?.status).toBe(404);
  expect(opened).toHaveLength(1);
});
