package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// maxLastLine bounds the result that a program of a plain language prints; a larger one goes to result.json.
const maxLastLine = 8 << 20

// excerptLines is how much of the log an error message quotes.
const excerptLines = 20

func failure(name, message string) domain.Outcome {
	return domain.Outcome{Status: domain.StatusFailure, ErrorName: name, Result: domain.ErrorResult(name, message)}
}

func success(result domain.JSON) domain.Outcome {
	if len(bytes.TrimSpace(result)) == 0 {
		result = domain.JSON("null")
	}
	return domain.Outcome{Status: domain.StatusSuccess, Result: result}
}

// outcome says how the program ended. The zero outcome means that report decides, from why the attempt was ended.
func (a *attempt) outcome(exit sandbox.Exit, plain bool, last *lastLine) domain.Outcome {
	switch exit.Killed {
	case sandbox.KillCanceled, sandbox.KillFenced:
		return domain.Outcome{}
	case sandbox.KillTimeout:
		return failure("Timeout", fmt.Sprintf("took longer than its limit of %s and was ended", a.job.Job.Timeout))
	case sandbox.KillMemory:
		return failure("OutOfMemory", fmt.Sprintf("used more memory than its limit of %s", size(a.w.o.Memory)))
	}
	text, err := a.readResult()
	switch {
	case errors.Is(err, errResultTooLarge):
		return failure("ResultTooLarge", err.Error())
	case err != nil:
		return failure("ResultInvalid", "the result could not be read: "+err.Error())
	}
	if plain {
		return a.plainOutcome(exit, text, last)
	}
	return a.wrappedOutcome(exit, text)
}

// exited explains a program that ended with an error without saying more.
func (a *attempt) exited(exit sandbox.Exit) domain.Outcome {
	name, message := "ExitCode", fmt.Sprintf("exit code %d", exit.Code)
	switch exit.Signal {
	case "":
		if a.diskFull() {
			name, message = "DiskFull", message+"; the disk of the worker's work directory is full"
		}
	case "SIGKILL":
		name, message = "Killed", "killed by the system; the usual cause is that the machine ran out of memory"
	case "SIGXFSZ":
		name, message = "FileTooLarge", "wrote a file that is larger than the limit"
	default:
		name, message = "Signal", "ended by "+exit.Signal
	}
	if said := a.log.last(excerptLines); said != "" {
		message += "\n" + said
	}
	return failure(name, message)
}

func (a *attempt) diskFull() bool {
	var s unix.Statfs_t
	if err := unix.Statfs(a.w.dir, &s); err != nil {
		return false
	}
	return uint64(s.Bavail)*uint64(s.Bsize) < 64<<10
}

// plainOutcome is that of a language without a wrapper.
func (a *attempt) plainOutcome(exit sandbox.Exit, text []byte, last *lastLine) domain.Outcome {
	if exit.Code != 0 {
		return a.exited(exit)
	}
	if text != nil {
		if len(bytes.TrimSpace(text)) > 0 && !json.Valid(text) {
			return invalidResult(text)
		}
		return success(text)
	}
	line, over := last.get()
	if over {
		return failure("ResultTooLarge", fmt.Sprintf("the last line of output is longer than %s; write large results to result.json", size(maxLastLine)))
	}
	if len(line) == 0 || json.Valid(line) {
		return success(line)
	}
	quoted, err := json.Marshal(string(bytes.ToValidUTF8(line, []byte("\uFFFD"))))
	if err != nil {
		return invalidResult(line)
	}
	return success(quoted)
}

// envelope is what a wrapper writes to result.json.
type envelope struct {
	OK     *bool           `json:"ok"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
	Start  int64           `json:"start"`
	End    int64           `json:"end"`
}

func (a *attempt) wrappedOutcome(exit sandbox.Exit, text []byte) domain.Outcome {
	if text == nil {
		if exit.Code != 0 {
			return a.exited(exit)
		}
		return success(nil) // ended itself with code 0 before the wrapper could speak
	}
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil || e.OK == nil {
		if exit.Code != 0 {
			return a.exited(exit)
		}
		return invalidResult(text)
	}
	var o domain.Outcome
	switch {
	case *e.OK && exit.Code != 0:
		o = a.exited(exit) // it went wrong after the result was written
	case *e.OK:
		o = success(e.Result)
	default:
		o = userError(e.Error)
	}
	if e.Start > 0 {
		o.UserStart = time.UnixMicro(e.Start).UTC()
		o.UserEnd = o.UserStart
		if e.End >= e.Start {
			o.UserEnd = time.UnixMicro(e.End).UTC()
		}
	}
	return o
}

// userError is the failure that the user's code raised, as its wrapper told it.
func userError(raw json.RawMessage) domain.Outcome {
	var told struct {
		Name any `json:"name"`
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		return failure("Error", string(raw))
	}
	name, ok := told.Name.(string)
	if !ok || name == "" {
		name = "Error"
	}
	result := make([]byte, 0, len(raw)+12)
	result = append(result, `{"error":`...)
	result = append(append(result, raw...), '}')
	return domain.Outcome{Status: domain.StatusFailure, ErrorName: name, Result: result}
}

func invalidResult(text []byte) domain.Outcome {
	const sample = 200
	shown := string(bytes.ToValidUTF8(text[:min(len(text), sample)], []byte("\uFFFD")))
	if len(text) > sample {
		shown += "…"
	}
	why := "is not JSON"
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(any)); errors.As(err, &syntax) {
		why = fmt.Sprintf("is not JSON (at byte %d: %s)", syntax.Offset, syntax)
	}
	return failure("ResultInvalid", "the result "+why+": "+shown)
}

var errResultTooLarge = errors.New("the result is too large")

// readResult reads result.json; nil when there is none. Only a plain file counts: a link could point anywhere.
func (a *attempt) readResult() ([]byte, error) {
	name := filepath.Join(a.dir, "result.json")
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("result.json is not a plain file")
	}
	const envelopeRoom = 1 << 10
	if info.Size() > a.w.o.MaxResult+envelopeRoom {
		return nil, fmt.Errorf("%w: %s; at most %s are allowed. Store large data as a file or an object and return its name, or raise the setting max_result",
			errResultTooLarge, size(info.Size()), size(a.w.o.MaxResult))
	}
	text := make([]byte, info.Size())
	_, err = io.ReadFull(f, text)
	return text, err
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
