package domain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// AuditKind is the sort of an audited action, as Windmill's API names them.
type AuditKind string

// The kinds of audited actions.
const (
	AuditCreated AuditKind = "Created"
	AuditUpdated AuditKind = "Updated"
	AuditDeleted AuditKind = "Delete"
	AuditExecute AuditKind = "Execute"
)

// AuditEvent is one line of the audit log: who did what to what, and from where. Each workspace has a chain of them, and
// so has the instance (Workspace ""): Hash covers the event and the hash of the one before, so that a line that was
// changed, removed or put in later is noticed.
type AuditEvent struct {
	Workspace string // empty: the instance's own chain
	Seq       int64  // 1, 2, … within the chain, without gaps; set by the store
	At        time.Time
	Email     string // who; for a sign-in that failed, the address that was tried; empty: nobody was signed in
	Username  string // in the workspace
	TokenID   string // with which token or session
	JobID     string // when a job acted
	Action    string // like scripts.create
	Kind      AuditKind
	Resource  string // a path, an address, an id
	Changes   JSON   // [{"field","before","after"}], or empty; see package audit
	Address   string // where the request came from; "host": a command on the server's own host
	RequestID string
	PrevHash  string // of the event before; empty for the first
	Hash      string // Sum
}

// Sum is the hash that the event must have: SHA-256 over all fields but Hash, each with its length in front, so that two
// different events never read alike.
func (e AuditEvent) Sum() string {
	h := sha256.New()
	for _, field := range []string{
		"tidemill audit 1", e.PrevHash, e.Workspace, strconv.FormatInt(e.Seq, 10), strconv.FormatInt(e.At.UnixMicro(), 10), e.Email,
		e.Username, e.TokenID, e.JobID, e.Action, string(e.Kind), e.Resource, string(e.Changes), e.Address, e.RequestID,
	} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(field)))
		h.Write(size[:])
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// AuditChain is the two ends of a chain. What retention removed ends at the anchor, with whose hash the rest begins.
type AuditChain struct {
	Workspace  string
	Seq        int64 // of the newest event; 0: there was none yet
	Hash       string
	AnchorSeq  int64 // of the newest event that was removed; 0: none
	AnchorHash string
}
