package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// readSSE parses the event stream format of the HTML standard, section 9.2.6, for the fields event and data.
func readSSE(r io.Reader, fn func(event string, data []byte) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var event string
	var data []byte
	var some bool
	for {
		line, err := br.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if some {
				if err := fn(event, data); err != nil {
					return err
				}
			}
			event, data, some = "", nil, false
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			event = string(value)
		case "data":
			if some {
				data = append(data, '\n')
			}
			data = append(data, value...)
			some = true
		}
	}
}
