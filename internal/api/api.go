// Package api is the HTTP interface: a table of typed operations, a file per noun, over the services. It holds no rules of
// the domain: it authenticates, decides by the permission that the operation names, converts, and answers.
//
// Paths, methods, status codes and JSON shapes are those of Windmill's public API where it has the concept, so that its
// published clients work unchanged; what is ours follows the same style. The OpenAPI document is derived from the table and
// committed as docs/openapi.json.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/deploy"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/store"
)

// DefaultMaxBody is the largest request body that is read when Deps.MaxBody is not set.
const DefaultMaxBody = 64 << 20

// Deps are the services that the operations call.
type Deps struct {
	Store     store.Store
	Accounts  *account.Service
	Engine    *engine.Engine
	Deploy    *deploy.Service
	Hub       *events.Hub
	Languages lang.Registry
	Kit       lang.Kit // finds the languages' runtimes, for the catalogue
	Version   string
	Log       *slog.Logger
	MaxBody   int64                       // bytes of a request body, after decompression; 0 means DefaultMaxBody
	Ready     func(context.Context) error // nil: the store's Ping
	Stopping  <-chan struct{}             // closed when the server begins to stop: streams end then; nil: never
	BaseURL   string                      // where people reach the server; https makes cookies Secure
	UI        http.Handler                // everything that is not the API; nil: none
	Audit     *audit.Service              // notes refused access; nil: one of its own
}

// server is what handlers hang on.
type server struct {
	Deps
	mux      *http.ServeMux
	runtimes runtimes
	openapi  []byte // the document as it is served
}

// New builds the handler of the whole server. It panics when the table of operations is wrong, which a test notices first.
func New(d Deps) http.Handler { return build(d) }

// OpenAPI is the document that describes the operations, indented, always the same for the same source.
func OpenAPI() []byte { return build(Deps{}).openapi }

func build(d Deps) *server { return buildWith(d, operations()) }

// buildWith serves a table of operations.
func buildWith(d Deps, table []operation) *server {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.MaxBody <= 0 {
		d.MaxBody = DefaultMaxBody
	}
	if d.Audit == nil {
		d.Audit = audit.New(audit.Options{Store: d.Store, Log: d.Log})
	}
	d.BaseURL = strings.TrimSuffix(d.BaseURL, "/")
	s := &server{Deps: d, mux: http.NewServeMux()}
	api := s.mount(table)
	doc, err := document(api)
	if err != nil {
		panic("api: the OpenAPI document cannot be written: " + err.Error())
	}
	s.openapi = doc
	return s
}

// operations is the whole interface, by noun.
func operations() []operation {
	return slices.Concat(metaOperations(), authOperations(), userOperations(), workspaceOperations(), languageOperations(),
		scriptOperations(), draftOperations(), accessOperations(), runOperations(), jobOperations(), streamOperations(), workerOperations(),
		auditOperations())
}

func (s *server) mount(table []operation) huma.API {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Tidemill",
				Version:     "1",
				Description: "Scripts and jobs of a Tidemill server. Paths and shapes follow Windmill's public API where it has the concept.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: "/"}},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "a personal token, a session or a job's token"},
					"cookie": {
						Type: "apiKey", In: "cookie", Name: sessionCookie,
						Description: "a browser's session; requests that change something also need the header " + csrfHeader + ": 1",
					},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{problemFromHuma},
	}
	api := huma.NewAPI(config, adapter{mux: s.mux})
	for i := range table {
		table[i].mount(s, api)
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} { // huma's own errors leave as problems
		delete(schemas.Map(), name)
	}
	return api
}

// document renders the OpenAPI document: JSON objects sorted by key, so that equal tables give equal bytes.
func document(api huma.API) ([]byte, error) {
	raw, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	var v any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// ready says whether requests can be served.
func (s *server) ready(ctx context.Context) error {
	if s.Ready != nil {
		return s.Ready(ctx)
	}
	if s.Store == nil {
		return errs.New(errs.Unavailable, "the server has no database")
	}
	return s.Store.Ping(ctx)
}
