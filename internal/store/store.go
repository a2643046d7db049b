// Package store is the contract of persistence: one small interface per noun, composed into Store. What holds for all:
//
//   - The same methods work on the pool and inside Tx. A method outside Tx is a transaction of its own.
//   - Every read names the workspace and, where people differ in what they may see, the Viewer; lists filter in SQL, so
//     that pages stay full and never leak.
//   - A missing row is errs.NotFound, a broken uniqueness errs.Conflict, an unreachable database errs.Unavailable, a full
//     disk errs.StorageFull, a write under a lost lease errs.Fenced. Drivers translate by error code; nobody parses text.
//   - Time is the database's on PostgreSQL and the process's on SQLite; implementations set created_at and leases
//     themselves. All times are UTC with microseconds.
//   - Texts are valid UTF-8 without zero bytes, otherwise errs.Invalid. Payloads and logs are bytes and may hold anything.
//   - An ended context is errs.Canceled or errs.Timeout. A change that was not begun is not made; one that was begun is
//     answered truly. errs.Unavailable from a change means that it may or may not have happened.
//   - Pages are keyset pages: the last id or path of one page starts the next.
//
// The suite in storetest is the contract in executable form; every implementation runs it.
package store

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
)

// Store is a database.
type Store interface {
	Nouns

	// Tx runs fn in one transaction and commits when it returns nil. On SQLite many callers' fns may share one commit,
	// each in a savepoint of its own, so fn must be quick, must not wait for anything but its own statements, and must
	// use only the Nouns it is given; using the Store inside is errs.Internal. fn may run more than once, when the database
	// gave up an earlier run for the sake of others, so it must start from nothing each time. After an error of a noun,
	// other than errs.NotFound, errs.Fenced and errs.Invalid, fn must return it. When Tx returns nil the change is durable.
	Tx(ctx context.Context, fn func(ctx context.Context, tx Nouns) error) error

	// Notify tells every Listener in every process of this database. Best effort and coalesced: a lost note delays, it
	// never loses, because every waiter also has a slow scan. Call it after the commit, never inside Tx.
	Notify(ctx context.Context, events ...domain.Event) error
	// Listen delivers events, its own process's too, until ctx ends; then the channel is closed. A slow reader loses
	// events rather than stalling others. After a reconnect one zero Event arrives: "look yourself, notes may be lost".
	Listen(ctx context.Context) (<-chan domain.Event, error)

	// Ping says whether the database answers, for readiness.
	Ping(ctx context.Context) error
	// Kind is "sqlite" or "postgres".
	Kind() string
	// Close waits for running transactions and closes. Idempotent.
	Close() error
}

// Nouns is everything that can be done inside or outside a transaction.
type Nouns interface {
	Workspaces
	Users
	Tokens
	Groups
	Folders
	Grants
	Scripts
	Drafts
	Jobs
	Logs
	Workers
	Settings
	Audit
}

// Viewer is on whose behalf a read filters. The zero Viewer sees nothing. Of jobs, people also see those they created,
// wherever the path is: previews may have none. The groups and grants of the name are looked up by the same statement that
// filters, so that they are always those of the moment.
type Viewer struct {
	Workspace string
	Username  string // sees u/<username>/…, folders and items with a grant of any level to u/<username> or a group of his
	All       bool   // workspace admins, superadmins and the system: sees everything of the workspace
}

// Workspaces stores tenants and their members.
type Workspaces interface {
	WorkspaceCreate(ctx context.Context, w domain.Workspace) error
	WorkspaceGet(ctx context.Context, id string) (domain.Workspace, error)
	// WorkspaceList lists by id: all, or only those that email is an enabled member of.
	WorkspaceList(ctx context.Context, p WorkspaceListParams) ([]domain.Workspace, error)
	MemberPut(ctx context.Context, m domain.Member) error // insert or replace; errs.Conflict when the username is taken
	MemberGet(ctx context.Context, workspace, email string) (domain.Member, error)
	MemberList(ctx context.Context, workspace string) ([]domain.Member, error) // by username
	// MemberDelete also ends what was granted to the member, and his membership of groups.
	MemberDelete(ctx context.Context, workspace, email string) error
}

// WorkspaceListParams selects workspaces.
type WorkspaceListParams struct {
	Email           string // empty: all
	IncludeArchived bool
}

// Users stores people and their one-time links.
type Users interface {
	UserCreate(ctx context.Context, u domain.User) error
	UserGet(ctx context.Context, email string) (domain.User, error)
	UserUpdate(ctx context.Context, u domain.User) error // all fields but CreatedAt
	UserList(ctx context.Context) ([]domain.User, error) // by e-mail
	UserCount(ctx context.Context) (int, error)
	InviteCreate(ctx context.Context, i domain.Invite) error
	// InviteTake removes and returns an unexpired invite: of two callers exactly one gets it.
	InviteTake(ctx context.Context, digest string) (domain.Invite, error)
	InviteGet(ctx context.Context, digest string) (domain.Invite, error)
	InviteDeleteExpired(ctx context.Context) error
}

// Tokens stores sessions and personal tokens by digest.
type Tokens interface {
	TokenCreate(ctx context.Context, t domain.Token) error
	// TokenUse finds an unexpired token by digest and notes its use, at most once a minute.
	TokenUse(ctx context.Context, digest string) (domain.Token, error)
	TokenList(ctx context.Context, email string) ([]domain.Token, error) // newest first, Digest empty
	// TokenDelete deletes one token of email by id. Missing is errs.NotFound.
	TokenDelete(ctx context.Context, email, id string) error
	// TokenDeleteAll deletes all tokens of email, but the one with the id except.
	TokenDeleteAll(ctx context.Context, email, except string) error
	TokenDeleteExpired(ctx context.Context) error
}

// Groups stores sets of members. The group domain.Everybody is in none of the answers.
type Groups interface {
	GroupCreate(ctx context.Context, g domain.Group) error                                   // with Members and Admins; errs.Conflict when it exists
	GroupGet(ctx context.Context, workspace, name string) (domain.Group, error)              // with Members and Admins
	GroupList(ctx context.Context, workspace, username string) ([]domain.Group, error)       // by name, with Members and Admins; of one member, or all for ""
	GroupUpdate(ctx context.Context, workspace, name, summary string) error                  // the members stay
	GroupDelete(ctx context.Context, workspace, name string) error                           // with all that was granted to it
	GroupMemberPut(ctx context.Context, workspace, group, username string, admin bool) error // insert or replace
	GroupMemberDelete(ctx context.Context, workspace, group, username string) error
}

// Folders stores what f/<name>/… belongs to.
type Folders interface {
	FolderCreate(ctx context.Context, f domain.Folder) error // with Grants; errs.Conflict when it exists
	FolderGet(ctx context.Context, workspace, name string) (domain.Folder, error)
	// FolderList lists by name the folders in which the viewer was granted something.
	FolderList(ctx context.Context, p FolderListParams) ([]domain.Folder, error)
	FolderUpdate(ctx context.Context, f domain.Folder) error // DisplayName and Summary
	// FolderDelete deletes the folder and its grants; errs.Conflict while it holds a script, archived ones too.
	FolderDelete(ctx context.Context, workspace, name string) error
}

// FolderListParams selects folders.
type FolderListParams struct {
	Viewer Viewer
	After  string // name of the last row of the page before
	Offset int    // for clients that count pages
	Limit  int    // 1 to 1000
}

// Grants stores who was given what.
type Grants interface {
	GrantPut(ctx context.Context, workspace string, g domain.Grant) error // insert or replace
	GrantDelete(ctx context.Context, workspace string, kind domain.GrantKind, object, principal string) error
	GrantList(ctx context.Context, workspace string, kind domain.GrantKind, object string) ([]domain.Grant, error) // by principal
	// AccessTo is what decides about a path (or a folder, as f/<name>) for a member, at a constant cost.
	AccessTo(ctx context.Context, workspace, username, path string) (domain.Access, error)
}

// Scripts stores immutable script versions.
type Scripts interface {
	// ScriptCreate adds a version. In one transaction it checks that parent (ParentHashes[0], or none) is still the newest
	// version of the path that is neither archived nor deleted: otherwise errs.Conflict. Where all are, the path begins anew,
	// without a parent or with the newest of all. The same hash again is errs.Conflict too. A folder f/<name> that does not
	// exist is made: owned by who created the script, open to every member for writing.
	ScriptCreate(ctx context.Context, s domain.Script) error
	// ScriptLatest is what a path means now: the newest version that is neither archived nor deleted.
	ScriptLatest(ctx context.Context, v Viewer, path string) (domain.Script, error)
	ScriptByHash(ctx context.Context, v Viewer, hash string) (domain.Script, error)
	// ScriptList lists the newest version of each path, by path, without Content, Lock and Schema.
	ScriptList(ctx context.Context, p ScriptListParams) ([]domain.Script, error)
	// ScriptHistory lists the versions of a path, newest first, without Content, Lock and Schema.
	ScriptHistory(ctx context.Context, v Viewer, path string, limit int) ([]domain.Script, error)
	ScriptSetLock(ctx context.Context, workspace, hash string, lock *string, lockError string) error
	ScriptArchive(ctx context.Context, workspace, path string) error // all versions; errs.NotFound when there is none
	ScriptArchiveHash(ctx context.Context, workspace, hash string) error
	// ScriptDelete removes the content of all versions of a path and marks them deleted; its grants end.
	ScriptDelete(ctx context.Context, workspace, path string) error
	ScriptDeleteHash(ctx context.Context, workspace, hash string) error
}

// ScriptListParams selects scripts.
type ScriptListParams struct {
	Viewer     Viewer
	PathPrefix string
	PathExact  string
	Search     string // in path and summary, case-insensitive
	Language   domain.Language
	Kind       domain.ScriptKind
	CreatedBy  string
	Archived   bool   // only archived ones instead
	After      string // path of the last row of the page before
	Offset     int    // for clients that count pages
	Limit      int    // 1 to 1000
	Newest     bool   // newest first instead of by path; After is then not used
}

// Drafts stores unsaved work.
type Drafts interface {
	DraftPut(ctx context.Context, d domain.Draft) error
	DraftGet(ctx context.Context, workspace, email, kind, path string) (domain.Draft, error)
	DraftList(ctx context.Context, workspace, email string) ([]domain.Draft, error) // newest first, without Value
	DraftDelete(ctx context.Context, workspace, email, kind, path string) error     // missing is fine
}

// Jobs stores the queue, the history and the payloads of jobs: three kinds of tables. A job's row is in the queue until it
// is final and in the history afterwards; both moves are one transaction with the payload that belongs to it.
type Jobs interface {
	// JobPush inserts queued jobs with their payloads: all or none. ScheduledFor zero means now. An id that was ever used is
	// errs.Conflict; the state that Job holds is ignored.
	JobPush(ctx context.Context, jobs ...NewJob) error
	// JobClaim gives up to Limit due jobs, highest priority and then oldest schedule first, to a worker: running, attempt
	// + 1, leased. Each job goes to exactly one claimer.
	JobClaim(ctx context.Context, p JobClaimParams) ([]domain.Job, error)
	// JobRenew extends leases. It returns those that are lost (fenced) and those for which cancel was asked.
	JobRenew(ctx context.Context, leases []domain.Lease, lease time.Duration) (JobRenewal, error)
	// JobComplete moves a job from the queue to the history with its result; errs.Fenced when the lease is not current.
	JobComplete(ctx context.Context, l domain.Lease, o domain.Outcome, result *domain.Payload) (domain.Job, error)
	// JobRelease gives a claimed job back unharmed, for a worker that stops: queued again, the attempt counted, no death. A
	// job for which cancel was asked ends as canceled instead, with the result that came with the request.
	JobRelease(ctx context.Context, l domain.Lease) error
	// JobCancel ends a queued job at once (status canceled, with the result) or marks a running one. The returned job tells
	// which. A final job is returned as it is. Jobs that v may not see are errs.NotFound.
	JobCancel(ctx context.Context, v Viewer, id, by, reason string, result domain.Payload) (domain.Job, error)
	// JobReap takes running jobs whose lease is over: back to queued with Deaths + 1, or to the history as poisoned with the
	// result when that makes MaxDeaths, or as canceled when that was asked for. At most limit at a time; returns them in
	// their new state.
	JobReap(ctx context.Context, limit int, poison domain.Payload) ([]domain.Job, error)
	// JobNextDue is when the next queued job of one of the tags can be claimed; zero when there is none.
	JobNextDue(ctx context.Context, tags []string) (time.Time, error)

	JobGet(ctx context.Context, v Viewer, id string) (domain.Job, error)
	// JobLease is the state of a live job by id alone, to verify a job's token; errs.NotFound when it is not in the queue.
	JobLease(ctx context.Context, id string) (domain.Job, error)
	JobPayload(ctx context.Context, workspace, id string, kind domain.PayloadKind) (domain.Payload, error)
	// JobBlobs lists the blobs that a job's payloads live in, by id alone, to tell them from what a crash left; none for a job
	// that was never stored.
	JobBlobs(ctx context.Context, id string) ([]string, error)
	// JobList lists newest first (by id), queue and history merged, never reading payloads.
	JobList(ctx context.Context, p JobListParams) ([]domain.Job, error)
	// JobCount counts live jobs of a workspace by status (and of all workspaces for "").
	JobCount(ctx context.Context, workspace string) (map[domain.JobStatus]int, error)
	// JobDelete removes the payloads and logs of a final job, whose row stays, and returns the blobs to delete; errs.Conflict
	// for a live job.
	JobDelete(ctx context.Context, workspace, id string) (blobs []string, err error)
}

// NewJob is a job with its payloads.
type NewJob struct {
	Job  domain.Job
	Args domain.Payload
	Code *domain.Payload // previews and dependency jobs
}

// JobClaimParams says who claims what.
type JobClaimParams struct {
	Worker string
	Tags   []string
	Limit  int
	Lease  time.Duration // may be negative in tests: expired at once
}

// JobRenewal is what became of leases that were to be renewed.
type JobRenewal struct {
	Lost     []domain.Lease
	Canceled []domain.Job
}

// JobListParams selects jobs.
type JobListParams struct {
	Viewer                      Viewer
	Before                      string // id: only older ones; the last id of the page before
	Offset                      int    // for clients that count pages
	Limit                       int    // 1 to 1000
	Statuses                    []domain.JobStatus
	Kinds                       []domain.JobKind
	PathPrefix                  string
	PathExact                   string
	Hash                        string
	CreatedBy                   string
	Label                       string
	Tag                         string
	Worker                      string
	Parent                      string
	Trigger                     string
	NoParent                    bool
	CreatedAfter, CreatedBefore time.Time
	OldestFirst                 bool // then Before means after
}

// Logs stores job logs in chunks, apart from jobs.
type Logs interface {
	// LogAppend adds text at the end of a job's log or stream; errs.Fenced when the lease is not current.
	LogAppend(ctx context.Context, l domain.Lease, kind domain.LogKind, text string) error
	// LogRead returns chunks from a byte offset on, in order, up to about limit bytes; the first may begin before offset.
	LogRead(ctx context.Context, workspace, id string, kind domain.LogKind, offset int64, limit int) ([]domain.LogChunk, error)
	LogSize(ctx context.Context, workspace, id string, kind domain.LogKind) (int64, error)
}

// Workers stores who runs jobs.
type Workers interface {
	WorkerPing(ctx context.Context, w domain.Worker) error                        // insert or replace, SeenAt = now
	WorkerList(ctx context.Context, since time.Duration) ([]domain.Worker, error) // seen within
	WorkerDelete(ctx context.Context, name string) error
}

// Settings stores small instance values by key.
type Settings interface {
	SettingGet(ctx context.Context, key string) (domain.JSON, error)
	SettingPut(ctx context.Context, key string, value domain.JSON) error
	// SettingInit stores value unless the key exists and returns what is stored: of two callers both get the same.
	SettingInit(ctx context.Context, key string, value domain.JSON) (domain.JSON, error)
}

// Audit stores what was done, a chain of hashes for each workspace and one, named "", for the instance.
type Audit interface {
	// AuditAppend adds an event at the end of its workspace's chain and returns it as stored; Seq, At and the hashes are set
	// by the store. From then to the end of the transaction others who append to the same chain wait, so it comes last.
	AuditAppend(ctx context.Context, e domain.AuditEvent) (domain.AuditEvent, error)
	AuditGet(ctx context.Context, workspace string, seq int64) (domain.AuditEvent, error)
	AuditList(ctx context.Context, p AuditListParams) ([]domain.AuditEvent, error) // newest first
	AuditChains(ctx context.Context) ([]domain.AuditChain, error)                  // by workspace; one without ends has lost them
	// AuditTrim removes events from the oldest on, up to the first that is not from before the time, at most limit (1 to
	// 1000), and moves the chain's anchor. It returns how many.
	AuditTrim(ctx context.Context, workspace string, before time.Time, limit int) (removed int, err error)
}

// AuditListParams selects audit events of one chain.
type AuditListParams struct {
	Workspace           string // "": the instance's
	User                string // a user name, or an e-mail address
	ActionPrefix        string
	Actions, NotActions []string
	Kind                domain.AuditKind
	ResourcePrefix      string
	After, Before       time.Time // later than, not later than
	From                int64     // the last Seq of the page before
	Offset              int       // for clients that count pages
	Limit               int       // 1 to 1000
	OldestFirst         bool
}
