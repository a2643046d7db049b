package domain

import "time"

// JobKind is what a job does, spelled as Windmill's API does.
type JobKind string

// The kinds of jobs there are now.
const (
	JobScript       JobKind = "script"       // a deployed version
	JobPreview      JobKind = "preview"      // code that came with the request
	JobDependencies JobKind = "dependencies" // resolves the lock of a deployed version
)

// JobStatus is where a job stands. Queued and running jobs are in the queue; the others are final and in the history.
type JobStatus string

// The states. Allowed moves: queued → running → success | failure | canceled | poisoned; queued → canceled;
// running → queued when the lease ends with its worker (attempt + 1).
const (
	StatusQueued   JobStatus = "queued"
	StatusRunning  JobStatus = "running"
	StatusSuccess  JobStatus = "success"
	StatusFailure  JobStatus = "failure"
	StatusCanceled JobStatus = "canceled"
	StatusPoisoned JobStatus = "poisoned" // its attempts killed MaxDeaths workers
)

// Final reports whether nothing can follow.
func (s JobStatus) Final() bool { return s != StatusQueued && s != StatusRunning }

// MaxDeaths is after how many attempts that ended in the death of their worker a job is poisoned.
const MaxDeaths = 3

// Job is one unit of work: the definition is immutable, the state moves as JobStatus says.
type Job struct {
	// Definition.
	ID             string // UUIDv7
	Workspace      string
	Kind           JobKind
	ScriptPath     string // empty for a preview without a path
	ScriptHash     string // empty for previews
	Language       Language
	Tag            string // name of the queue; a worker serves a set of tags
	Priority       int    // 0 to 100, higher first
	Timeout        time.Duration
	CreatedBy      string // user name
	Email          string // of the identity it runs as
	PermissionedAs string // u/<username>
	TokenScopes    []string
	CreatedAt      time.Time
	ScheduledFor   time.Time // not before
	Parent         string    // job that started it
	Trigger        string    // "ui", "api", "webhook", "cli", "rerun", "deploy"
	Labels         []string

	// State.
	Status       JobStatus
	Attempt      int       // 0 until claimed
	Deaths       int       // attempts whose worker died
	Worker       string    // of the current or last attempt
	LeaseUntil   time.Time // of the current attempt
	StartedAt    time.Time // of the current or last attempt
	EndedAt      time.Time // only final
	CancelBy     string    // set when cancel was asked for
	CancelReason string
	Reason       string // why the job is where it is, for people: "waiting for a worker with the tag gpu"

	// Outcome, only final.
	MemPeak    int64 // bytes; 0: unknown
	CPUTime    time.Duration
	UserStart  time.Time // the user's own code began and ended
	UserEnd    time.Time
	Tier       string // sandbox tier it ran in
	ErrorName  string // of failure, for lists
	LogBytes   int64
	ResultSize int64
}

// Lease names an attempt: whoever writes about a job's outcome must hold it.
type Lease struct {
	JobID   string
	Attempt int
	Worker  string
}

// Ended is a lease that its worker must let go.
type Ended struct {
	Lease    Lease
	Canceled bool // cancel was asked: kill gracefully and finish as canceled; otherwise fenced: kill and say nothing
	By       string
	Reason   string
}

// Payload is a large value of a job: inline up to a threshold, else in the blob store.
type Payload struct {
	Inline []byte
	Blob   string // key; empty when inline
	Size   int64
}

// PayloadKind tells the payloads of a job apart.
type PayloadKind string

// The payloads.
const (
	PayloadArgs   PayloadKind = "args"   // JSON object
	PayloadResult PayloadKind = "result" // any JSON
	PayloadCode   PayloadKind = "code"   // JSON of Code: what a preview or dependency job works on
)

// Code is the program of a job.
type Code struct {
	Path     string   `json:"path,omitempty"` // where relative imports start; may be empty
	Language Language `json:"language"`
	Content  string   `json:"content"`
	Lock     *string  `json:"lock,omitempty"` // nil: resolve first
	Envs     []string `json:"envs,omitempty"`
}

// Assignment is a claimed job with all that a worker needs to run it.
type Assignment struct {
	Job   Job
	Lease Lease
	Code  Code
	Args  JSON
	Token string // acts for the job, dies with it
	// Masks are values that must not appear in logs.
	Masks []string
}

// Outcome is how an attempt ended, in the worker's words.
type Outcome struct {
	Status    JobStatus // success, failure or canceled
	Result    JSON      // success: the value; failure: {"error":{"name","message","stack"}}
	ErrorName string
	Lock      *string // dependency jobs: what to store with the version
	MemPeak   int64
	CPUTime   time.Duration
	UserStart time.Time
	UserEnd   time.Time
	Tier      string
	// Log and Stream are the ends of the attempt's logs that were not sent yet. They are stored in the same transaction.
	Log    string
	Stream string
}

// LogKind tells what a job says from what its result streams.
type LogKind string

// The kinds of logs.
const (
	LogOutput LogKind = "log"    // stdout and stderr
	LogStream LogKind = "stream" // items of a result that a generator yields, concatenated
)

// LogChunk is a piece of a job's log as it was stored: UTF-8 text with ANSI colours, split anywhere.
type LogChunk struct {
	JobID  string
	Offset int64 // of Text in the whole log, bytes
	At     time.Time
	Text   string
}

// Worker is a process that runs jobs.
type Worker struct {
	Name      string // unique: host-pid-random
	Host      string
	Group     string
	Tags      []string
	Slots     int
	Running   int
	Version   string
	Languages []Language
	StartedAt time.Time
	SeenAt    time.Time
	JobsDone  int64
	Tier      string
}

// Event is a small note that something changed, for whoever watches: lists, run pages, waiting requests.
type Event struct {
	Kind      EventKind `json:"k"`
	Workspace string    `json:"w,omitempty"`
	JobID     string    `json:"j,omitempty"`
	Status    JobStatus `json:"s,omitempty"`
	Tag       string    `json:"t,omitempty"`
}

// EventKind is what an Event is about.
type EventKind string

// The kinds of events.
const (
	EventQueued   EventKind = "queued"   // a job can be claimed under Tag
	EventStarted  EventKind = "started"  // a job runs
	EventLog      EventKind = "log"      // a job's log grew
	EventDone     EventKind = "done"     // a job is final
	EventCancel   EventKind = "cancel"   // cancel was asked for a running job
	EventDeployed EventKind = "deployed" // a script has a new version
)
