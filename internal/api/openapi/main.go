// Command openapi prints the document that describes the API: go run ./internal/api/openapi > docs/openapi.json.
package main

import (
	"fmt"
	"os"

	"github.com/tidemill/tidemill/internal/api"
)

func main() {
	if _, err := os.Stdout.Write(api.OpenAPI()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
