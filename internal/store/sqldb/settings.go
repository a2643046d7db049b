package sqldb

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
)

// SettingGet implements store.Settings.
func (n *Nouns) SettingGet(ctx context.Context, key string) (domain.JSON, error) {
	var value string
	var found bool
	err := n.read(ctx, func(ctx context.Context, c *Conn) (err error) {
		found, err = c.One(ctx, `SELECT value_json FROM setting WHERE name = ?`, []any{key}, &value)
		return err
	})
	if err == nil && !found {
		err = missing("there is no setting %s", key)
	}
	if err != nil {
		return nil, err
	}
	return domain.JSON(value), nil
}

// SettingPut implements store.Settings.
func (n *Nouns) SettingPut(ctx context.Context, key string, value domain.JSON) error {
	_, err := n.exec(ctx, `INSERT INTO setting (name, value_json, updated_at) VALUES (?, ?, @now)
		ON CONFLICT (name) DO UPDATE SET value_json = excluded.value_json, updated_at = excluded.updated_at`, key, string(value))
	return err
}

// SettingInit implements store.Settings.
func (n *Nouns) SettingInit(ctx context.Context, key string, value domain.JSON) (domain.JSON, error) {
	var stored string
	err := n.write(ctx, func(ctx context.Context, c *Conn) error {
		if _, err := c.Exec(ctx, `INSERT INTO setting (name, value_json, updated_at) VALUES (?, ?, @now)
			ON CONFLICT (name) DO NOTHING`, key, string(value)); err != nil {
			return err
		}
		_, err := c.One(ctx, `SELECT value_json FROM setting WHERE name = ?`, []any{key}, &stored)
		return err
	})
	if err != nil {
		return nil, err
	}
	return domain.JSON(stored), nil
}
