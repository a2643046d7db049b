// Package domain holds the nouns of Tidemill, a file each: their fields, what makes them valid, and which states may
// follow which. It knows no SQL, no HTTP and nothing that waits.
package domain

import "encoding/json"

// Language is the id of a script language, as Windmill spells it. The ids themselves stand only in the folders of the
// languages (internal/lang/*); here a language is just a name.
type Language string

// JSON is a JSON text that is carried, not read. A nil JSON is absent, which is not the same as null.
type JSON = json.RawMessage
