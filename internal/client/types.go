package client

import (
	"encoding/json"
	"time"
)

// The types below are the parts of the API's that the commands use. TestTypesMatchTheAPI compares each with the committed
// OpenAPI document, so they cannot drift.

// Script is a version of a script.
type Script struct {
	Path         string          `json:"path"`
	Hash         string          `json:"hash"`
	Summary      string          `json:"summary"`
	Description  string          `json:"description"`
	Content      string          `json:"content"`
	Language     string          `json:"language"`
	Kind         string          `json:"kind"`
	Schema       json.RawMessage `json:"schema"`
	Lock         *string         `json:"lock"`
	LockError    string          `json:"lock_error_logs"`
	ParentHashes []string        `json:"parent_hashes"`
	CreatedBy    string          `json:"created_by"`
	CreatedAt    time.Time       `json:"created_at"`
}

// NewScript is what deploying takes. Zero fields are left out.
type NewScript struct {
	Path              string          `json:"path"`
	ParentHash        string          `json:"parent_hash,omitempty"`
	AutoParent        bool            `json:"auto_parent,omitempty"`
	Summary           string          `json:"summary"`
	Description       string          `json:"description"`
	Content           string          `json:"content"`
	Language          string          `json:"language"`
	Kind              string          `json:"kind,omitempty"`
	Schema            json.RawMessage `json:"schema,omitempty"`
	Lock              *string         `json:"lock,omitempty"`
	Tag               string          `json:"tag,omitempty"`
	Timeout           int             `json:"timeout,omitempty"`
	Priority          int             `json:"priority,omitempty"`
	Envs              []string        `json:"envs,omitempty"`
	Labels            []string        `json:"labels,omitempty"`
	DeploymentMessage string          `json:"deployment_message,omitempty"`
}

// Job is a live or final job. Type is "QueuedJob" or "CompletedJob".
type Job struct {
	Type           string          `json:"type"`
	ID             string          `json:"id"`
	Kind           string          `json:"job_kind"`
	ScriptPath     string          `json:"script_path"`
	ScriptHash     string          `json:"script_hash"`
	Language       string          `json:"language"`
	Tag            string          `json:"tag"`
	CreatedBy      string          `json:"created_by"`
	CreatedAt      time.Time       `json:"created_at"`
	ScheduledFor   *time.Time      `json:"scheduled_for"`
	StartedAt      *time.Time      `json:"started_at"`
	CompletedAt    *time.Time      `json:"completed_at"`
	DurationMS     int64           `json:"duration_ms"`
	Running        bool            `json:"running"`
	Success        bool            `json:"success"`
	Canceled       bool            `json:"canceled"`
	CanceledBy     string          `json:"canceled_by"`
	CanceledReason string          `json:"canceled_reason"`
	Result         json.RawMessage `json:"result"`
	Worker         string          `json:"worker"`
}

// Final reports whether nothing can follow.
func (j Job) Final() bool { return j.Type == "CompletedJob" }

// Status is the job's state in one word.
func (j Job) Status() string {
	switch {
	case !j.Final() && j.Running:
		return "running"
	case !j.Final():
		return "queued"
	case j.Canceled:
		return "canceled"
	case j.Success:
		return "success"
	}
	return "failure"
}

// Language is an entry of the catalogue.
type Language struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Suffixes []string `json:"suffixes"`
}

// Workspace is one that the caller is a member of.
type Workspace struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Username string `json:"username"`
}

// Identity is who the caller is.
type Identity struct {
	Email      string `json:"email"`
	Superadmin bool   `json:"super_admin"`
}

// Update is one event of a job's stream.
type Update struct {
	Type         string          `json:"type"` // "update", "error", "notfound", "timeout" or "ping"
	Running      *bool           `json:"running"`
	Completed    bool            `json:"completed"`
	NewLogs      string          `json:"new_logs"`
	LogOffset    int64           `json:"log_offset"`
	NewStream    string          `json:"new_result_stream"`
	StreamOffset int64           `json:"stream_offset"`
	OnlyResult   json.RawMessage `json:"only_result"`
	Error        string          `json:"error"`
}

// Explanation is why somebody may do something with a path, or may not.
type Explanation struct {
	User    string `json:"user"`
	Path    string `json:"path"`
	Action  string `json:"action"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	Hidden  bool   `json:"hidden"` // the user is told that nothing is there
}
