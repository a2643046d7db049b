package account

import "github.com/tidemill/tidemill/internal/domain"

func usernameForm(name string) bool { return domain.CheckUsername("name", name) == nil }
