package api

import (
	"context"

	"github.com/tidemill/tidemill/internal/perm"
)

func metaOperations() []operation {
	return []operation{
		op("GET", "/api/version", "backendVersion", perm.Open, "The server's version", (*server).version, text("the version, like v1.2.3")),
		op("GET", "/api/openapi.json", "openapi", perm.Open, "This document", (*server).document, anyJSON("OpenAPI 3.1")),
		op("GET", "/api/health/status", "getHealthStatus", perm.Open, "Whether requests can be served", (*server).health),
		op("GET", "/healthz", "healthz", perm.Open, "Whether the process lives", (*server).alive, text("ok")),
		op("GET", "/readyz", "readyz", perm.Open, "Whether requests can be served; 503 when not", (*server).readiness, text("ok")),
	}
}

// none is the input of operations that take nothing.
type none struct{}

// plain is an answer in plain text.
type plain struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Cookie      string `header:"Set-Cookie" hidden:"true"`
	Body        []byte
}

func plainText(s string) *plain {
	return &plain{ContentType: "text/plain; charset=utf-8", Body: []byte(s)}
}

// rawJSON is an answer whose bytes are JSON already.
type rawJSON struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

func jsonBytes(b []byte) *rawJSON {
	return &rawJSON{ContentType: "application/json", Body: b}
}

// yes is an answer that is a boolean.
type yes struct {
	Body bool
}

func (s *server) version(context.Context, *none) (*plain, error) { return plainText(s.Version), nil }

func (s *server) document(context.Context, *none) (*rawJSON, error) { return jsonBytes(s.openapi), nil }

func (s *server) alive(context.Context, *none) (*plain, error) { return plainText("ok"), nil }

func (s *server) readiness(ctx context.Context, _ *none) (*plain, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return plainText("ok"), nil
}

// Health is the state of the server in Windmill's words.
type Health struct {
	Status           string `json:"status" enum:"healthy,degraded,unhealthy"`
	DatabaseHealthy  bool   `json:"database_healthy"`
	WorkersAlive     int    `json:"workers_alive"`
	DetailsForPeople string `json:"message,omitempty"`
}

type healthOut struct {
	Body Health
}

func (s *server) health(ctx context.Context, _ *none) (*healthOut, error) {
	out := &healthOut{Body: Health{Status: "healthy", DatabaseHealthy: true}}
	if err := s.ready(ctx); err != nil {
		out.Body = Health{Status: "unhealthy", DetailsForPeople: "the database cannot be reached"}
		return out, nil
	}
	workers, err := s.Store.WorkerList(ctx, workerSilence)
	if err != nil {
		out.Body = Health{Status: "unhealthy", DetailsForPeople: "the database cannot be read"}
		return out, nil
	}
	if out.Body.WorkersAlive = len(workers); len(workers) == 0 {
		out.Body.Status, out.Body.DetailsForPeople = "degraded", "no worker is alive: jobs wait"
	}
	return out, nil
}
