package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// AuditLog is a line of an audit log.
type AuditLog struct {
	WorkspaceID string        `json:"workspace_id"` // empty: the instance
	ID          int64         `json:"id"`
	Timestamp   time.Time     `json:"timestamp"`
	Username    string        `json:"username"`
	Email       string        `json:"email"`
	Operation   string        `json:"operation"`
	ActionKind  string        `json:"action_kind"`
	Resource    string        `json:"resource,omitempty"`
	Changes     []AuditChange `json:"changes"`
	Address     string        `json:"address,omitempty"`
	RequestID   string        `json:"request_id,omitempty"`
	TokenID     string        `json:"token_id,omitempty"`
	JobID       string        `json:"job_id,omitempty"`
	PrevHash    string        `json:"prev_hash"`
	Hash        string        `json:"hash"`
}

// AuditChange is a setting before and after.
type AuditChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// AuditFilter selects lines of an audit log.
type AuditFilter struct {
	Instance bool      // the instance's log instead of the workspace's
	User     string    // a user name or an e-mail address
	Action   string    // or its beginning
	Resource string    // or its beginning
	Since    time.Time // zero: from the beginning
	Limit    int
}

// Audit lists lines, newest first, at most Limit, page by page.
func (c *Client) Audit(ctx context.Context, f AuditFilter) ([]AuditLog, error) {
	path := c.w("audit", "list")
	if f.Instance {
		path = "/api/audit/list"
	}
	q := url.Values{}
	for name, value := range map[string]string{"username": f.User, "operation": f.Action, "resource": f.Resource} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("after", f.Since.UTC().Format(time.RFC3339Nano))
	}
	const most = 1000
	var out []AuditLog
	for len(out) < f.Limit {
		size := min(most, f.Limit-len(out))
		q.Set("limit", strconv.Itoa(size))
		var page []AuditLog
		if err := c.call(ctx, http.MethodGet, path, q, nil, &page); err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(page) < size {
			break
		}
		q.Set("before_id", strconv.FormatInt(page[len(page)-1].ID, 10))
	}
	return out, nil
}
