package config

import "strings"

// Markdown is docs/configuration.md: every setting, from the one place where they are described.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Every setting can be given as a flag, as an environment variable, or in a YAML file; a flag goes before the environment,
that before the file, that before the default. The file is named with ` + "`--config FILE`" + ` or ` + "`TIDEMILL_CONFIG`" + `; without,
` + "`" + FileName + "`" + ` in the data folder is read if it is there. Names that are not in this table are errors.

` + "```yaml" + `
# tidemill.yaml
listen: 0.0.0.0:8000
base-url: https://tidemill.example.com
workers: 4
` + "```" + `

Sizes are written as 512KB, 64MB or 2GB (powers of 1024), times as 500ms, 15s, 2m or 30d.

| setting | variable | default | commands | meaning |
|---|---|---|---|---|
`)
	for _, s := range Settings() {
		def := "`" + s.Default + "`"
		if s.Default == "" {
			def = ""
		}
		name := s.Key
		if s.Arg != "" {
			name += " " + s.Arg
		}
		b.WriteString("| `" + name + "` | `" + s.Env + "` | " + def + " | " + strings.Join(s.For, ", ") + " | " + s.Help + " |\n")
	}
	b.WriteString("\nThis page is generated from `internal/config`: `go test ./internal/config -update`.\n")
	return b.String()
}
