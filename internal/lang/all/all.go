// Package all lists the languages of this build. A new language is a folder under lang and a line here.
package all

import (
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/bash"
	"github.com/tidemill/tidemill/internal/lang/golang"
	"github.com/tidemill/tidemill/internal/lang/python"
	"github.com/tidemill/tidemill/internal/lang/typescript"
)

// Languages are all languages, in the order of the picker: TypeScript, Python, Go, Bash.
func Languages() lang.Registry {
	return lang.Registry{
		typescript.New(),
		python.New(),
		golang.New(),
		bash.New(),
	}
}
