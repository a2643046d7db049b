package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
)

// workerSilence is how long a worker may be silent and still count as alive.
const workerSilence = 60 * time.Second

func workerOperations() []operation {
	return []operation{
		op("GET", "/api/workers/list", "listWorkers", perm.WorkersRead, "The workers", (*server).listWorkers, strict),
		op("GET", "/api/workers/exists_worker_with_tag", "existsWorkerWithTag", perm.WorkersRead, "Whether a live worker serves a tag", (*server).existsWorker),
		op("GET", "/api/workers/exists_workers_with_tags", "existsWorkersWithTags", perm.WorkersRead, "Which tags live workers serve", (*server).existsWorkers),
	}
}

// Worker is a process that runs jobs, in Windmill's words.
type Worker struct {
	Worker         string    `json:"worker" doc:"its name"`
	WorkerInstance string    `json:"worker_instance" doc:"its host"`
	LastPing       int       `json:"last_ping" doc:"seconds ago"`
	StartedAt      time.Time `json:"started_at"`
	IP             string    `json:"ip"`
	JobsExecuted   int64     `json:"jobs_executed"`
	CustomTags     []string  `json:"custom_tags" nullable:"false" doc:"the tags it serves"`
	WorkerGroup    string    `json:"worker_group"`
	Version        string    `json:"wm_version"`
	JobIsolation   string    `json:"job_isolation"`
	Slots          int       `json:"slots" doc:"how many jobs it runs at once"`
	Running        int       `json:"running"`
	Languages      []string  `json:"languages" nullable:"false"`
}

type listWorkersIn struct {
	PageIn
	PingSince int `query:"ping_since" doc:"seen within so many seconds; 300 when left out"`
}

type workersOut struct {
	Body []Worker `nullable:"false"`
}

func (s *server) listWorkers(ctx context.Context, in *listWorkersIn) (*workersOut, error) {
	limit, offset, err := in.window()
	if err != nil {
		return nil, err
	}
	if in.Limit == 0 && in.PerPage == 0 {
		limit = maxPageSize
	}
	const most = 30 * 24 * 3600
	if in.PingSince < 0 || in.PingSince > most {
		return nil, errs.New(errs.Invalid, "the filter is not valid").WithField("query.ping_since", "must be between 1 and %d seconds", most)
	}
	since := 300 * time.Second
	if in.PingSince > 0 {
		since = time.Duration(in.PingSince) * time.Second
	}
	list, err := s.Store.WorkerList(ctx, since)
	if err != nil {
		return nil, err
	}
	out := &workersOut{Body: []Worker{}}
	for _, w := range list {
		row := Worker{
			Worker: w.Name, WorkerInstance: w.Host, LastPing: max(0, int(time.Since(w.SeenAt).Seconds())), StartedAt: w.StartedAt,
			JobsExecuted: w.JobsDone, CustomTags: append([]string{}, w.Tags...), WorkerGroup: w.Group, Version: w.Version,
			JobIsolation: w.Tier, Slots: w.Slots, Running: w.Running, Languages: []string{},
		}
		for _, l := range w.Languages {
			row.Languages = append(row.Languages, string(l))
		}
		out.Body = append(out.Body, row)
	}
	out.Body = cut(out.Body, limit, offset)
	return out, nil
}

func (s *server) serves(ctx context.Context, tag string) (bool, error) {
	list, err := s.Store.WorkerList(ctx, workerSilence)
	if err != nil {
		return false, err
	}
	for _, w := range list {
		if slices.Contains(w.Tags, tag) {
			return true, nil
		}
	}
	return false, nil
}

type existsWorkerIn struct {
	Tag string `query:"tag" required:"true"`
}

func (s *server) existsWorker(ctx context.Context, in *existsWorkerIn) (*yes, error) {
	ok, err := s.serves(ctx, in.Tag)
	return &yes{Body: ok}, err
}

type existsWorkersIn struct {
	Tags string `query:"tags" required:"true" doc:"separated by commas, at most 100"`
}

type existsWorkersOut struct {
	Body map[string]bool
}

func (s *server) existsWorkers(ctx context.Context, in *existsWorkersIn) (*existsWorkersOut, error) {
	tags := strings.Split(in.Tags, ",")
	if len(tags) > 100 {
		return nil, errs.New(errs.Invalid, "the request is not valid").WithField("query.tags", "has %d tags; at most 100 are allowed", len(tags))
	}
	out := &existsWorkersOut{Body: map[string]bool{}}
	for _, tag := range tags {
		ok, err := s.serves(ctx, tag)
		if err != nil {
			return nil, err
		}
		out.Body[tag] = ok
	}
	return out, nil
}
