package worker

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tidemill/tidemill/internal/errs"
)

// When what a job says is sent: the first words a moment later, so that a job that is done by then sends all with its end;
// afterwards in steps, so that a chatty job costs few commits.
const (
	firstFlush = 25 * time.Millisecond
	nextFlush  = 50 * time.Millisecond
	fullFlush  = 16 << 10  // bytes that do not wait for the step
	maxChunk   = 512 << 10 // bytes of one call
)

// tailKept is how much of the end is kept for error messages.
const tailKept = 4 << 10

// jobLog carries a job's words to the source: in the order of their arrival, masked, as valid UTF-8, at most max bytes.
// The head goes out live. Beyond it only the newest bytes are kept, in a ring, and sent at the end behind a line that says
// how much is left out. It never holds up the job: what waits to be sent is bounded by max.
type jobLog struct {
	send  func(ctx context.Context, text string) error
	masks [][]byte

	mu      sync.Mutex
	waiting []byte // to be sent
	head    int64  // how many bytes may still go out live
	ring    []byte // the newest bytes behind the head
	ringMax int
	at      int   // next byte to overwrite, once the ring is full
	behind  int64 // bytes behind the head, kept or not
	recent  []byte
	inputs  []*logInput

	kick   chan struct{}
	flush  sync.WaitGroup
	active bool
	stop   context.CancelFunc
}

func newJobLog(limit int64, masks []string, send func(ctx context.Context, text string) error) *jobLog {
	l := &jobLog{send: send, head: limit * 3 / 4, ringMax: int(limit / 4), kick: make(chan struct{}, 1)}
	for _, m := range masks {
		if m != "" {
			l.masks = append(l.masks, []byte(m))
		}
	}
	return l
}

// logInput is one stream that runs into the log. Secrets and characters that are cut between two writes are put together
// per stream.
type logInput struct {
	log  *jobLog
	held []byte // may be the beginning of a secret or of a character
}

// input makes a writer into the log.
func (l *jobLog) input() *logInput {
	in := &logInput{log: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inputs = append(l.inputs, in)
	return in
}

func (in *logInput) Write(p []byte) (int, error) {
	in.log.mu.Lock()
	defer in.log.mu.Unlock()
	in.put(p, false)
	return len(p), nil
}

// put is called under the log's lock.
func (in *logInput) put(p []byte, last bool) {
	l := in.log
	if len(in.held) > 0 {
		p = append(in.held, p...)
		in.held = nil
	}
	var held []byte
	if len(l.masks) > 0 {
		p, held = l.mask(p, last)
	}
	if !last && held == nil {
		n := partialRune(p)
		p, held = p[:len(p)-n], p[len(p)-n:]
	}
	if len(held) > 0 {
		in.held = bytes.Clone(held)
	}
	if len(p) == 0 {
		return
	}
	if !utf8.Valid(p) {
		p = bytes.ToValidUTF8(p, []byte("\uFFFD"))
	}
	l.add(bytes.ReplaceAll(p, []byte{0}, []byte("\uFFFD"))) // PostgreSQL has no NUL in texts
}

const masked = "*****"

// mask replaces every secret, the longest of those that begin at one place. Unless this is the last of a stream, it holds
// back the end from where a secret may have begun.
func (l *jobLog) mask(p []byte, last bool) (out, held []byte) {
	begin := len(p) // of what may be the beginning of a secret
	if !last {
		begin -= l.partialMask(p)
	}
	copied := false
	rest := p
	for {
		at, length := -1, 0
		for _, m := range l.masks {
			if i := bytes.Index(rest, m); i >= 0 && (at < 0 || i < at || i == at && len(m) > length) {
				at, length = i, len(m)
			}
		}
		// What may be a longer secret that began earlier or at the same place waits for its rest.
		done := len(p) - len(rest)
		if at < 0 || done+at >= begin {
			begin = max(begin, done)
			if !copied {
				return p[:begin], p[begin:]
			}
			return append(out, p[done:begin]...), p[begin:]
		}
		out, copied = append(append(out, rest[:at]...), masked...), true
		rest = rest[at+length:]
	}
}

// partialMask is the length of the longest end of p that a secret begins with.
func (l *jobLog) partialMask(p []byte) int {
	longest := 0
	for _, m := range l.masks {
		for n := min(len(m)-1, len(p)); n > longest; n-- {
			if bytes.HasSuffix(p, m[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// partialRune is the length of a character at the end of p that is not complete.
func partialRune(p []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(p)); n++ {
		if utf8.RuneStart(p[len(p)-n]) {
			if !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// add takes valid text, under the lock.
func (l *jobLog) add(p []byte) {
	if n := len(p); n >= tailKept {
		l.recent = append(l.recent[:0], p[n-tailKept:]...)
	} else {
		if over := len(l.recent) + n - tailKept; over > 0 {
			l.recent = append(l.recent[:0], l.recent[over:]...)
		}
		l.recent = append(l.recent, p...)
	}
	if l.head > 0 {
		n := len(p)
		if int64(n) > l.head {
			n = cut(p, int(l.head))
			l.head = 0
		} else {
			l.head -= int64(n)
		}
		l.waiting = append(l.waiting, p[:n]...)
		p = p[n:]
		l.arm()
	}
	if len(p) == 0 {
		return
	}
	l.behind += int64(len(p))
	if len(p) >= l.ringMax {
		l.ring, l.at = append(l.ring[:0], p[len(p)-l.ringMax:]...), 0
		return
	}
	if room := l.ringMax - len(l.ring); room > 0 {
		n := min(room, len(p))
		l.ring = append(l.ring, p[:n]...)
		p = p[n:]
	}
	for len(p) > 0 {
		n := copy(l.ring[l.at:], p)
		l.at = (l.at + n) % len(l.ring)
		p = p[n:]
	}
}

// cut is the largest place up to n at which p can be cut without cutting a character.
func cut(p []byte, n int) int {
	if n >= len(p) {
		return len(p)
	}
	for n > 0 && !utf8.RuneStart(p[n]) {
		n--
	}
	return n
}

// arm sees to it that waiting text is sent, under the lock.
func (l *jobLog) arm() {
	if !l.active {
		l.active = true
		ctx, stop := context.WithCancel(context.Background())
		l.stop = stop
		l.flush.Go(func() { l.flushLoop(ctx) })
	}
	if len(l.waiting) >= fullFlush {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	}
}

// flushLoop lives from the first words until close, and sleeps while there is nothing to send.
func (l *jobLog) flushLoop(ctx context.Context) {
	step := firstFlush
	for {
		timer := time.NewTimer(step)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-l.kick:
			timer.Stop()
		}
		text := l.take()
		if text == "" {
			l.mu.Lock()
			if len(l.waiting) == 0 {
				l.active = false // add starts the next loop
				l.stop()
				l.mu.Unlock()
				return
			}
			l.mu.Unlock()
			continue
		}
		step = nextFlush
		err := l.sendNow(text)
		switch {
		case err == nil:
		case errs.Is(err, errs.Fenced):
			l.drop()
			return
		default: // not lost: it goes with the next try, at the latest with the job's end
			l.mu.Lock()
			l.waiting = append([]byte(text), l.waiting...)
			l.mu.Unlock()
			step = time.Second
		}
	}
}

// sendNow is not broken off by close: a call whose outcome is unknown would store its text twice.
func (l *jobLog) sendNow(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return l.send(ctx, text)
}

func (l *jobLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := cut(l.waiting, maxChunk)
	text := string(l.waiting[:n])
	l.waiting = l.waiting[n:]
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	return text
}

// drop forgets everything that is not sent: nobody wants it any more.
func (l *jobLog) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting, l.ring, l.head, l.ringMax = nil, nil, 0, 0
}

// close ends the log and returns what is still to be sent, to be stored with the job's end. When that is much, most of it
// is sent here.
func (l *jobLog) close() string {
	l.mu.Lock()
	for _, in := range l.inputs {
		in.put(nil, true)
	}
	stop := l.stop
	l.mu.Unlock()
	if stop != nil {
		stop()
		l.flush.Wait()
	}
	l.mu.Lock()
	if len(l.ring) > 0 {
		tail := append(append(make([]byte, 0, len(l.ring)), l.ring[l.at:]...), l.ring[:l.at]...)
		if left := l.behind - int64(len(tail)); left > 0 {
			for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
				tail, left = tail[1:], left+1
			}
			l.waiting = fmt.Appendf(l.waiting, "\n… %d bytes left out …\n", left)
		}
		l.waiting = append(l.waiting, tail...)
		l.ring = nil
	}
	l.mu.Unlock()
	for {
		text := l.take()
		if len(text) < maxChunk/2 {
			return text
		}
		if err := l.sendNow(text); err != nil {
			return text + "\n… the end of the log could not be stored …\n"
		}
	}
}

// last is the end of what was said, for error messages: up to n lines.
func (l *jobLog) last(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := bytes.TrimRight(l.recent, "\r\n\t ")
	start := len(text)
	for range n {
		i := bytes.LastIndexByte(text[:start], '\n')
		if i < 0 {
			start = 0
			break
		}
		start = i
	}
	return string(bytes.ToValidUTF8(bytes.TrimLeft(text[start:], "\r\n"), nil))
}

// lastLine keeps the last line that is not empty, up to max bytes.
type lastLine struct {
	max      int
	line     []byte // the last complete one that is not empty
	current  []byte
	over     bool // current is longer than max
	lineOver bool
}

func (s *lastLine) Write(p []byte) (int, error) {
	n := len(p)
	end := bytes.LastIndexByte(p, '\n')
	if end < 0 {
		s.grow(p)
		return n, nil
	}
	first := bytes.IndexByte(p, '\n')
	// The last line that is not empty among those that end in p: one that lies in p wholly, else the one that p completes.
	found := false
	for rest := p[first+1 : end+1]; len(rest) > 0; {
		body := rest[:len(rest)-1]
		from := bytes.LastIndexByte(body, '\n') + 1
		if line := bytes.TrimSpace(body[from:]); len(line) > 0 {
			s.set(line, false)
			found = true
			break
		}
		rest = rest[:from]
	}
	if !found {
		s.grow(p[:first])
		if line := bytes.TrimSpace(s.current); len(line) > 0 {
			s.set(line, s.over)
		}
	}
	s.current, s.over = s.current[:0], false
	s.grow(p[end+1:])
	return n, nil
}

func (s *lastLine) set(line []byte, over bool) {
	if len(line) > s.max {
		line, over = line[:s.max], true
	}
	s.line, s.lineOver = append(s.line[:0], line...), over
}

func (s *lastLine) grow(p []byte) {
	if room := s.max - len(s.current); len(p) > room {
		p, s.over = p[:max(room, 0)], true
	}
	s.current = append(s.current, p...)
}

// get returns the line; over says that it was longer than max.
func (s *lastLine) get() (line []byte, over bool) {
	if line := bytes.TrimSpace(s.current); len(line) > 0 {
		return line, s.over
	}
	return s.line, s.lineOver
}
