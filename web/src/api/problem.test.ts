import { expect, test } from 'vitest';
import { asProblem, Problem, problemOf } from './problem';

test('problem+json is told as sentences, with fields and the id of the request', () => {
  const p = problemOf(
    400,
    JSON.stringify({
      title: 'Bad Request',
      detail: 'the path is not valid',
      hint: 'use f/<folder>/<name>',
      errors: [{ location: 'body.path', message: 'must begin with u/ or f/' }],
      request_id: 'req-1',
    }),
    'header-id',
  );
  expect(p).toMatchObject({
    status: 400,
    message: 'The path is not valid.',
    hint: 'Use f/<folder>/<name>.',
    fields: [{ path: 'path', message: 'must begin with u/ or f/' }],
    requestId: 'req-1',
  });
});

test.each([
  ['<html>Bad gateway</html>', 502, 'The server cannot answer now.'],
  ['', 403, 'You may not do this.'],
  ['only GET and HEAD are answered here', 405, 'Only GET and HEAD are answered here.'],
  ['f/team/x cannot run', 400, 'f/team/x cannot run.'],
  ['{"detail":7}', 418, 'The server answered with status 418.'],
])('an answer that is no problem+json still says something: %s', (text, status, message) => {
  expect(problemOf(status, text, 'id')).toMatchObject({ status, message, requestId: 'id' });
});

test('a failed fetch is told as a server that cannot be reached, anything else as our own error', () => {
  expect(asProblem(new TypeError('Failed to fetch')).status).toBe(0);
  expect(asProblem(new Error('boom')).hint).toContain('boom');
  const p = new Problem(404, 'Gone.');
  expect(asProblem(p)).toBe(p);
});
