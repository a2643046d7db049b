package client

import (
	"errors"
	"strings"
	"testing"
)

func TestEventStreams(t *testing.T) {
	var got []string
	err := readSSE(strings.NewReader(": ping\n\ndata: {\"a\":1}\n\nevent: update\r\ndata: one\r\ndata: two\r\nid: 7\r\n\r\ndata:\n\ndata: cut off"),
		func(event string, data []byte) error {
			got = append(got, event+"|"+string(data))
			return nil
		})
	if want := "|{\"a\":1} ; update|one\ntwo ; |"; err != nil || strings.Join(got, " ; ") != want {
		t.Errorf("got %q, %v; want %q", strings.Join(got, " ; "), err, want)
	}
	stop := errors.New("enough")
	if err := readSSE(strings.NewReader("data: x\n\ndata: y\n\n"), func(string, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the reader's error is %v", err)
	}
}

func FuzzEventStream(f *testing.F) {
	f.Add("data: x\n\n")
	f.Add("event:\ndata\n\n:::\n")
	f.Fuzz(func(t *testing.T, text string) {
		if err := readSSE(strings.NewReader(text), func(string, []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
}
