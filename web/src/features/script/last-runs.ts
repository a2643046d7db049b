import { queryOptions } from '@tanstack/react-query';
import { api, data } from '~/api/client';

/** The last runs of a script, newest first. */
export const lastRunsQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ['jobs', workspace, 'of', path],
    queryFn: () =>
      data(
        api.GET('/api/w/{workspace}/jobs/list', {
          params: { path: { workspace }, query: { script_path_exact: path, job_kinds: 'script', per_page: 20 } },
        }),
      ),
  });
