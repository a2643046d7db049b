package server

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/postgres"
	"github.com/tidemill/tidemill/internal/store/sqlite"
)

// openStore opens the configured database and brings it up to date. beside opens the embedded one although a server
// uses it.
func openStore(ctx context.Context, c config.Config, log *slog.Logger, beside bool) (store.Store, error) {
	if c.SQLite() {
		s, err := sqlite.Open(ctx, sqlite.Options{Path: c.DatabaseFile(), Log: log, Shared: beside})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := postgres.Open(ctx, postgres.Options{URL: c.DatabaseURL, Log: log})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// settingURL is where a server was last reached: what links of 'admin' and the jobs of lone workers begin with.
const settingURL = "server.url"

func rememberURL(ctx context.Context, s store.Store, url string) error {
	value, err := json.Marshal(url)
	if err != nil {
		return err
	}
	return s.SettingPut(ctx, settingURL, value)
}

// knownURL is "" when no server has started on the database yet.
func knownURL(ctx context.Context, s store.Store) (string, error) {
	value, err := s.SettingGet(ctx, settingURL)
	if errs.Is(err, errs.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var url string
	if err := json.Unmarshal(value, &url); err != nil {
		return "", errs.Wrap(errs.Internal, err, "the setting %s in the database is damaged", settingURL)
	}
	return url, nil
}

// databaseVersion reads the schema version of the configured database, the newest that this program knows, and the
// database's own name and version. It changes nothing.
func databaseVersion(ctx context.Context, c config.Config) (current, newest int64, program string, err error) {
	if c.SQLite() {
		return sqlite.Version(ctx, c.DatabaseFile())
	}
	return postgres.Version(ctx, c.DatabaseURL)
}
