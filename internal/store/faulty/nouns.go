package faulty

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/store"
)

// nouns wraps every method of store.Nouns in the same way.
type nouns struct {
	in store.Nouns
	f  *Faults
}

var _ store.Nouns = (*nouns)(nil)

func (n *nouns) WorkspaceCreate(ctx context.Context, w domain.Workspace) error {
	return n.f.do(ctx, "WorkspaceCreate", func() error { return n.in.WorkspaceCreate(ctx, w) })
}

func (n *nouns) WorkspaceGet(ctx context.Context, id string) (domain.Workspace, error) {
	return get(n.f, ctx, "WorkspaceGet", func() (domain.Workspace, error) { return n.in.WorkspaceGet(ctx, id) })
}

func (n *nouns) WorkspaceList(ctx context.Context, p store.WorkspaceListParams) ([]domain.Workspace, error) {
	return get(n.f, ctx, "WorkspaceList", func() ([]domain.Workspace, error) { return n.in.WorkspaceList(ctx, p) })
}

func (n *nouns) MemberPut(ctx context.Context, m domain.Member) error {
	return n.f.do(ctx, "MemberPut", func() error { return n.in.MemberPut(ctx, m) })
}

func (n *nouns) MemberGet(ctx context.Context, workspace, email string) (domain.Member, error) {
	return get(n.f, ctx, "MemberGet", func() (domain.Member, error) { return n.in.MemberGet(ctx, workspace, email) })
}

func (n *nouns) MemberList(ctx context.Context, workspace string) ([]domain.Member, error) {
	return get(n.f, ctx, "MemberList", func() ([]domain.Member, error) { return n.in.MemberList(ctx, workspace) })
}

func (n *nouns) MemberDelete(ctx context.Context, workspace, email string) error {
	return n.f.do(ctx, "MemberDelete", func() error { return n.in.MemberDelete(ctx, workspace, email) })
}

func (n *nouns) UserCreate(ctx context.Context, u domain.User) error {
	return n.f.do(ctx, "UserCreate", func() error { return n.in.UserCreate(ctx, u) })
}

func (n *nouns) UserGet(ctx context.Context, email string) (domain.User, error) {
	return get(n.f, ctx, "UserGet", func() (domain.User, error) { return n.in.UserGet(ctx, email) })
}

func (n *nouns) UserUpdate(ctx context.Context, u domain.User) error {
	return n.f.do(ctx, "UserUpdate", func() error { return n.in.UserUpdate(ctx, u) })
}

func (n *nouns) UserList(ctx context.Context) ([]domain.User, error) {
	return get(n.f, ctx, "UserList", func() ([]domain.User, error) { return n.in.UserList(ctx) })
}

func (n *nouns) UserCount(ctx context.Context) (int, error) {
	return get(n.f, ctx, "UserCount", func() (int, error) { return n.in.UserCount(ctx) })
}

func (n *nouns) InviteCreate(ctx context.Context, i domain.Invite) error {
	return n.f.do(ctx, "InviteCreate", func() error { return n.in.InviteCreate(ctx, i) })
}

func (n *nouns) InviteTake(ctx context.Context, digest string) (domain.Invite, error) {
	return get(n.f, ctx, "InviteTake", func() (domain.Invite, error) { return n.in.InviteTake(ctx, digest) })
}

func (n *nouns) InviteGet(ctx context.Context, digest string) (domain.Invite, error) {
	return get(n.f, ctx, "InviteGet", func() (domain.Invite, error) { return n.in.InviteGet(ctx, digest) })
}

func (n *nouns) InviteDeleteExpired(ctx context.Context) error {
	return n.f.do(ctx, "InviteDeleteExpired", func() error { return n.in.InviteDeleteExpired(ctx) })
}

func (n *nouns) TokenCreate(ctx context.Context, t domain.Token) error {
	return n.f.do(ctx, "TokenCreate", func() error { return n.in.TokenCreate(ctx, t) })
}

func (n *nouns) TokenUse(ctx context.Context, digest string) (domain.Token, error) {
	return get(n.f, ctx, "TokenUse", func() (domain.Token, error) { return n.in.TokenUse(ctx, digest) })
}

func (n *nouns) TokenList(ctx context.Context, email string) ([]domain.Token, error) {
	return get(n.f, ctx, "TokenList", func() ([]domain.Token, error) { return n.in.TokenList(ctx, email) })
}

func (n *nouns) TokenDelete(ctx context.Context, email, id string) error {
	return n.f.do(ctx, "TokenDelete", func() error { return n.in.TokenDelete(ctx, email, id) })
}

func (n *nouns) TokenDeleteAll(ctx context.Context, email, except string) error {
	return n.f.do(ctx, "TokenDeleteAll", func() error { return n.in.TokenDeleteAll(ctx, email, except) })
}

func (n *nouns) TokenDeleteExpired(ctx context.Context) error {
	return n.f.do(ctx, "TokenDeleteExpired", func() error { return n.in.TokenDeleteExpired(ctx) })
}

func (n *nouns) GroupCreate(ctx context.Context, g domain.Group) error {
	return n.f.do(ctx, "GroupCreate", func() error { return n.in.GroupCreate(ctx, g) })
}

func (n *nouns) GroupGet(ctx context.Context, workspace, name string) (domain.Group, error) {
	return get(n.f, ctx, "GroupGet", func() (domain.Group, error) { return n.in.GroupGet(ctx, workspace, name) })
}

func (n *nouns) GroupList(ctx context.Context, workspace, username string) ([]domain.Group, error) {
	return get(n.f, ctx, "GroupList", func() ([]domain.Group, error) { return n.in.GroupList(ctx, workspace, username) })
}

func (n *nouns) GroupUpdate(ctx context.Context, workspace, name, summary string) error {
	return n.f.do(ctx, "GroupUpdate", func() error { return n.in.GroupUpdate(ctx, workspace, name, summary) })
}

func (n *nouns) GroupDelete(ctx context.Context, workspace, name string) error {
	return n.f.do(ctx, "GroupDelete", func() error { return n.in.GroupDelete(ctx, workspace, name) })
}

func (n *nouns) GroupMemberPut(ctx context.Context, workspace, group, username string, admin bool) error {
	return n.f.do(ctx, "GroupMemberPut", func() error { return n.in.GroupMemberPut(ctx, workspace, group, username, admin) })
}

func (n *nouns) GroupMemberDelete(ctx context.Context, workspace, group, username string) error {
	return n.f.do(ctx, "GroupMemberDelete", func() error { return n.in.GroupMemberDelete(ctx, workspace, group, username) })
}

func (n *nouns) FolderCreate(ctx context.Context, f domain.Folder) error {
	return n.f.do(ctx, "FolderCreate", func() error { return n.in.FolderCreate(ctx, f) })
}

func (n *nouns) FolderGet(ctx context.Context, workspace, name string) (domain.Folder, error) {
	return get(n.f, ctx, "FolderGet", func() (domain.Folder, error) { return n.in.FolderGet(ctx, workspace, name) })
}

func (n *nouns) FolderList(ctx context.Context, p store.FolderListParams) ([]domain.Folder, error) {
	return get(n.f, ctx, "FolderList", func() ([]domain.Folder, error) { return n.in.FolderList(ctx, p) })
}

func (n *nouns) FolderUpdate(ctx context.Context, f domain.Folder) error {
	return n.f.do(ctx, "FolderUpdate", func() error { return n.in.FolderUpdate(ctx, f) })
}

func (n *nouns) FolderDelete(ctx context.Context, workspace, name string) error {
	return n.f.do(ctx, "FolderDelete", func() error { return n.in.FolderDelete(ctx, workspace, name) })
}

func (n *nouns) GrantPut(ctx context.Context, workspace string, g domain.Grant) error {
	return n.f.do(ctx, "GrantPut", func() error { return n.in.GrantPut(ctx, workspace, g) })
}

func (n *nouns) GrantDelete(ctx context.Context, workspace string, kind domain.GrantKind, object, principal string) error {
	return n.f.do(ctx, "GrantDelete", func() error { return n.in.GrantDelete(ctx, workspace, kind, object, principal) })
}

func (n *nouns) GrantList(ctx context.Context, workspace string, kind domain.GrantKind, object string) ([]domain.Grant, error) {
	return get(n.f, ctx, "GrantList", func() ([]domain.Grant, error) { return n.in.GrantList(ctx, workspace, kind, object) })
}

func (n *nouns) AccessTo(ctx context.Context, workspace, username, path string) (domain.Access, error) {
	return get(n.f, ctx, "AccessTo", func() (domain.Access, error) { return n.in.AccessTo(ctx, workspace, username, path) })
}

func (n *nouns) ScriptCreate(ctx context.Context, s domain.Script) error {
	return n.f.do(ctx, "ScriptCreate", func() error { return n.in.ScriptCreate(ctx, s) })
}

func (n *nouns) ScriptLatest(ctx context.Context, v store.Viewer, path string) (domain.Script, error) {
	return get(n.f, ctx, "ScriptLatest", func() (domain.Script, error) { return n.in.ScriptLatest(ctx, v, path) })
}

func (n *nouns) ScriptByHash(ctx context.Context, v store.Viewer, hash string) (domain.Script, error) {
	return get(n.f, ctx, "ScriptByHash", func() (domain.Script, error) { return n.in.ScriptByHash(ctx, v, hash) })
}

func (n *nouns) ScriptList(ctx context.Context, p store.ScriptListParams) ([]domain.Script, error) {
	return get(n.f, ctx, "ScriptList", func() ([]domain.Script, error) { return n.in.ScriptList(ctx, p) })
}

func (n *nouns) ScriptHistory(ctx context.Context, v store.Viewer, path string, limit int) ([]domain.Script, error) {
	return get(n.f, ctx, "ScriptHistory", func() ([]domain.Script, error) { return n.in.ScriptHistory(ctx, v, path, limit) })
}

func (n *nouns) ScriptSetLock(ctx context.Context, workspace, hash string, lock *string, lockError string) error {
	return n.f.do(ctx, "ScriptSetLock", func() error { return n.in.ScriptSetLock(ctx, workspace, hash, lock, lockError) })
}

func (n *nouns) ScriptArchive(ctx context.Context, workspace, path string) error {
	return n.f.do(ctx, "ScriptArchive", func() error { return n.in.ScriptArchive(ctx, workspace, path) })
}

func (n *nouns) ScriptArchiveHash(ctx context.Context, workspace, hash string) error {
	return n.f.do(ctx, "ScriptArchiveHash", func() error { return n.in.ScriptArchiveHash(ctx, workspace, hash) })
}

func (n *nouns) ScriptDelete(ctx context.Context, workspace, path string) error {
	return n.f.do(ctx, "ScriptDelete", func() error { return n.in.ScriptDelete(ctx, workspace, path) })
}

func (n *nouns) ScriptDeleteHash(ctx context.Context, workspace, hash string) error {
	return n.f.do(ctx, "ScriptDeleteHash", func() error { return n.in.ScriptDeleteHash(ctx, workspace, hash) })
}

func (n *nouns) DraftPut(ctx context.Context, d domain.Draft) error {
	return n.f.do(ctx, "DraftPut", func() error { return n.in.DraftPut(ctx, d) })
}

func (n *nouns) DraftGet(ctx context.Context, workspace, email, kind, path string) (domain.Draft, error) {
	return get(n.f, ctx, "DraftGet", func() (domain.Draft, error) { return n.in.DraftGet(ctx, workspace, email, kind, path) })
}

func (n *nouns) DraftList(ctx context.Context, workspace, email string) ([]domain.Draft, error) {
	return get(n.f, ctx, "DraftList", func() ([]domain.Draft, error) { return n.in.DraftList(ctx, workspace, email) })
}

func (n *nouns) DraftDelete(ctx context.Context, workspace, email, kind, path string) error {
	return n.f.do(ctx, "DraftDelete", func() error { return n.in.DraftDelete(ctx, workspace, email, kind, path) })
}

func (n *nouns) JobPush(ctx context.Context, jobs ...store.NewJob) error {
	return n.f.do(ctx, "JobPush", func() error { return n.in.JobPush(ctx, jobs...) })
}

func (n *nouns) JobClaim(ctx context.Context, p store.JobClaimParams) ([]domain.Job, error) {
	return get(n.f, ctx, "JobClaim", func() ([]domain.Job, error) { return n.in.JobClaim(ctx, p) })
}

func (n *nouns) JobRenew(ctx context.Context, leases []domain.Lease, lease time.Duration) (store.JobRenewal, error) {
	return get(n.f, ctx, "JobRenew", func() (store.JobRenewal, error) { return n.in.JobRenew(ctx, leases, lease) })
}

func (n *nouns) JobComplete(ctx context.Context, l domain.Lease, o domain.Outcome, result *domain.Payload) (domain.Job, error) {
	return get(n.f, ctx, "JobComplete", func() (domain.Job, error) { return n.in.JobComplete(ctx, l, o, result) })
}

func (n *nouns) JobRelease(ctx context.Context, l domain.Lease) error {
	return n.f.do(ctx, "JobRelease", func() error { return n.in.JobRelease(ctx, l) })
}

func (n *nouns) JobCancel(ctx context.Context, v store.Viewer, id, by, reason string, result domain.Payload) (domain.Job, error) {
	return get(n.f, ctx, "JobCancel", func() (domain.Job, error) { return n.in.JobCancel(ctx, v, id, by, reason, result) })
}

func (n *nouns) JobReap(ctx context.Context, limit int, poison domain.Payload) ([]domain.Job, error) {
	return get(n.f, ctx, "JobReap", func() ([]domain.Job, error) { return n.in.JobReap(ctx, limit, poison) })
}

func (n *nouns) JobNextDue(ctx context.Context, tags []string) (time.Time, error) {
	return get(n.f, ctx, "JobNextDue", func() (time.Time, error) { return n.in.JobNextDue(ctx, tags) })
}

func (n *nouns) JobGet(ctx context.Context, v store.Viewer, id string) (domain.Job, error) {
	return get(n.f, ctx, "JobGet", func() (domain.Job, error) { return n.in.JobGet(ctx, v, id) })
}

func (n *nouns) JobLease(ctx context.Context, id string) (domain.Job, error) {
	return get(n.f, ctx, "JobLease", func() (domain.Job, error) { return n.in.JobLease(ctx, id) })
}

func (n *nouns) JobPayload(ctx context.Context, workspace, id string, kind domain.PayloadKind) (domain.Payload, error) {
	return get(n.f, ctx, "JobPayload", func() (domain.Payload, error) { return n.in.JobPayload(ctx, workspace, id, kind) })
}

func (n *nouns) JobList(ctx context.Context, p store.JobListParams) ([]domain.Job, error) {
	return get(n.f, ctx, "JobList", func() ([]domain.Job, error) { return n.in.JobList(ctx, p) })
}

func (n *nouns) JobCount(ctx context.Context, workspace string) (map[domain.JobStatus]int, error) {
	return get(n.f, ctx, "JobCount", func() (map[domain.JobStatus]int, error) { return n.in.JobCount(ctx, workspace) })
}

func (n *nouns) JobBlobs(ctx context.Context, id string) ([]string, error) {
	return get(n.f, ctx, "JobBlobs", func() ([]string, error) { return n.in.JobBlobs(ctx, id) })
}

func (n *nouns) JobDelete(ctx context.Context, workspace, id string) ([]string, error) {
	return get(n.f, ctx, "JobDelete", func() ([]string, error) { return n.in.JobDelete(ctx, workspace, id) })
}

func (n *nouns) LogAppend(ctx context.Context, l domain.Lease, kind domain.LogKind, text string) error {
	return n.f.do(ctx, "LogAppend", func() error { return n.in.LogAppend(ctx, l, kind, text) })
}

func (n *nouns) LogRead(ctx context.Context, workspace, id string, kind domain.LogKind, offset int64, limit int) ([]domain.LogChunk, error) {
	return get(n.f, ctx, "LogRead", func() ([]domain.LogChunk, error) { return n.in.LogRead(ctx, workspace, id, kind, offset, limit) })
}

func (n *nouns) LogSize(ctx context.Context, workspace, id string, kind domain.LogKind) (int64, error) {
	return get(n.f, ctx, "LogSize", func() (int64, error) { return n.in.LogSize(ctx, workspace, id, kind) })
}

func (n *nouns) WorkerPing(ctx context.Context, w domain.Worker) error {
	return n.f.do(ctx, "WorkerPing", func() error { return n.in.WorkerPing(ctx, w) })
}

func (n *nouns) WorkerList(ctx context.Context, since time.Duration) ([]domain.Worker, error) {
	return get(n.f, ctx, "WorkerList", func() ([]domain.Worker, error) { return n.in.WorkerList(ctx, since) })
}

func (n *nouns) WorkerDelete(ctx context.Context, name string) error {
	return n.f.do(ctx, "WorkerDelete", func() error { return n.in.WorkerDelete(ctx, name) })
}

func (n *nouns) SettingGet(ctx context.Context, key string) (domain.JSON, error) {
	return get(n.f, ctx, "SettingGet", func() (domain.JSON, error) { return n.in.SettingGet(ctx, key) })
}

func (n *nouns) SettingPut(ctx context.Context, key string, value domain.JSON) error {
	return n.f.do(ctx, "SettingPut", func() error { return n.in.SettingPut(ctx, key, value) })
}

func (n *nouns) SettingInit(ctx context.Context, key string, value domain.JSON) (domain.JSON, error) {
	return get(n.f, ctx, "SettingInit", func() (domain.JSON, error) { return n.in.SettingInit(ctx, key, value) })
}

func (n *nouns) AuditAppend(ctx context.Context, e domain.AuditEvent) (domain.AuditEvent, error) {
	return get(n.f, ctx, "AuditAppend", func() (domain.AuditEvent, error) { return n.in.AuditAppend(ctx, e) })
}

func (n *nouns) AuditGet(ctx context.Context, workspace string, seq int64) (domain.AuditEvent, error) {
	return get(n.f, ctx, "AuditGet", func() (domain.AuditEvent, error) { return n.in.AuditGet(ctx, workspace, seq) })
}

func (n *nouns) AuditList(ctx context.Context, p store.AuditListParams) ([]domain.AuditEvent, error) {
	return get(n.f, ctx, "AuditList", func() ([]domain.AuditEvent, error) { return n.in.AuditList(ctx, p) })
}

func (n *nouns) AuditChains(ctx context.Context) ([]domain.AuditChain, error) {
	return get(n.f, ctx, "AuditChains", func() ([]domain.AuditChain, error) { return n.in.AuditChains(ctx) })
}

func (n *nouns) AuditTrim(ctx context.Context, workspace string, before time.Time, limit int) (int, error) {
	return get(n.f, ctx, "AuditTrim", func() (int, error) { return n.in.AuditTrim(ctx, workspace, before, limit) })
}
