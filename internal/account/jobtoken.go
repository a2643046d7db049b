package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
)

// A job's token is not stored: it is the job's id and attempt with a signature, and means something only while that
// attempt runs. It is checked against the queue on every use, so it dies with the job, its user and their membership.

const settingKey = "account.signing_key"

// JobToken is the token for one attempt of a job. It is "" when the key cannot be read from the database now: the job
// then runs without a token, and what it asks for is refused.
func (s *Service) JobToken(l domain.Lease) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	key, err := s.signingKey(ctx)
	if err != nil {
		s.log.Error("no token for a job: the signing key cannot be read", "job", l.JobID, "err", err)
		return ""
	}
	u, err := uuid.Parse(l.JobID)
	if err != nil {
		return ""
	}
	body := binary.BigEndian.AppendUint32(u[:], uint32(l.Attempt))
	b64 := base64.RawURLEncoding
	return PrefixJob + b64.EncodeToString(body) + "." + b64.EncodeToString(sign(key, body))
}

func sign(key, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("job token v1\x00"))
	m.Write(body)
	return m.Sum(nil)
}

func (s *Service) authenticateJob(ctx context.Context, secret, workspace string) (domain.Identity, error) {
	head, tail, ok := strings.Cut(strings.TrimPrefix(secret, PrefixJob), ".")
	b64 := base64.RawURLEncoding.Strict()
	body, err1 := b64.DecodeString(head)
	mac, err2 := b64.DecodeString(tail)
	if !ok || err1 != nil || err2 != nil || len(body) != 20 {
		return domain.Identity{}, nobody()
	}
	key, err := s.signingKey(ctx)
	if err != nil {
		return domain.Identity{}, err
	}
	if !hmac.Equal(mac, sign(key, body)) {
		return domain.Identity{}, nobody()
	}
	jobID := uuid.UUID(body[:16]).String()
	job, err := s.store.JobLease(ctx, jobID)
	if err != nil {
		return domain.Identity{}, unlessMissing(err)
	}
	if job.Status != domain.StatusRunning || job.Attempt != int(binary.BigEndian.Uint32(body[16:])) {
		return domain.Identity{}, nobody()
	}
	u, err := s.store.UserGet(ctx, job.Email)
	if err != nil {
		return domain.Identity{}, unlessMissing(err)
	}
	if u.Disabled {
		return domain.Identity{}, nobody()
	}
	who := domain.Identity{Email: u.Email, Superadmin: u.Superadmin, Scopes: job.TokenScopes, JobID: job.ID}
	if err := s.place(ctx, &who, job.Workspace); err != nil {
		return domain.Identity{}, err
	}
	if who.Workspace == "" { // removed from the workspace while the job runs
		return domain.Identity{}, nobody()
	}
	// A job acts in its own workspace only, also when an administrator of the instance started it.
	if who.Superadmin {
		who.Superadmin, who.Role = false, domain.RoleAdmin
	}
	if workspace != "" && workspace != job.Workspace {
		who.Workspace, who.Username, who.Role = "", "", ""
	}
	return who, nil
}

// signingKey reads the key, or makes it when there is none yet. All servers and workers of a database share it.
func (s *Service) signingKey(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	if key != nil {
		return key, nil
	}
	fresh, err := json.Marshal(id.Secret(64))
	if err != nil {
		return nil, err
	}
	stored, err := s.store.SettingInit(ctx, settingKey, fresh)
	if err != nil {
		return nil, err
	}
	var text string
	if err := json.Unmarshal(stored, &text); err != nil || len(text) < 32 {
		return nil, errs.New(errs.Internal, "the signing key in the database is damaged").
			WithHint("delete the setting %s; running jobs lose their tokens", settingKey)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = []byte(text)
	return s.key, nil
}
