package domain

import (
	"bytes"
	"encoding/json"
)

// ErrorResult is the result of a job that failed for a reason of ours: {"error":{"name","message"}}.
func ErrorResult(name, message string) JSON {
	type inner struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Strings always encode.
	_ = e.Encode(struct {
		Error inner `json:"error"`
	}{inner{name, message}})
	return JSON(bytes.TrimSpace(b.Bytes()))
}

// CanceledResult is the result of a job that somebody canceled.
func CanceledResult(by, reason string) JSON {
	message := "canceled by " + by
	if reason != "" {
		message += ": " + reason
	}
	return ErrorResult("Canceled", message)
}
