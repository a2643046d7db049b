// Command bench measures Tidemill on this machine, each figure beside a floor that is measured in the same round: what the
// bare operating system needs for the same work. Ratios carry over to other machines, milliseconds do not. It starts
// bin/tidemill on a data folder of its own and writes bench/results/latest.json.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one figure. Ratio is Value over Floor; OK compares with Gate.
type row struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Floor float64 `json:"floor,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
	Gate  string  `json:"gate"`
	OK    bool    `json:"ok"`
}

type report struct {
	When    time.Time `json:"when"`
	Machine string    `json:"machine"`
	Cores   int       `json:"cores"`
	Go      string    `json:"go"`
	Version string    `json:"version"`
	Rows    []row     `json:"rows"`
}

func main() {
	bin := flag.String("bin", "bin/tidemill", "the binary to measure")
	runs := flag.Int("runs", 300, "sequential runs of the trivial script")
	idle := flag.Duration("idle", 20*time.Second, "how long the idle server is watched")
	out := flag.String("out", "bench/results/latest.json", "where the report goes")
	dist := flag.String("dist", "web/dist", "the built UI")
	flag.Parse()
	if err := run(*bin, *runs, *idle, *out, *dist); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(bin string, runs int, idle time.Duration, out, dist string) error {
	r := report{When: time.Now().UTC(), Machine: machine(), Cores: runtime.NumCPU(), Go: runtime.Version()}
	if v, err := exec.Command(bin, "--version").Output(); err == nil {
		r.Version = strings.TrimSpace(string(v))
	}
	add := func(x row) {
		r.Rows = append(r.Rows, x)
		mark := "ok  "
		if !x.OK {
			mark = "MISS"
		}
		ratio := ""
		if x.Ratio != 0 {
			ratio = fmt.Sprintf("  %.2f x floor %.3f", x.Ratio, x.Floor)
		}
		fmt.Printf("%s  %-44s %10.3f %-5s gate %s%s\n", mark, x.Name, x.Value, x.Unit, x.Gate, ratio)
	}

	dir, err := os.MkdirTemp("", "tidemill-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := start(bin, dir) // first start: migrations
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	var starts []float64
	for range 5 {
		if s, err = start(bin, dir); err != nil {
			return err
		}
		starts = append(starts, ms(s.ready))
		if err := s.stop(); err != nil {
			return err
		}
	}
	add(row{ID: "start", Name: "start to ready", Value: median(starts), Unit: "ms", Gate: "<= 1000", OK: median(starts) <= 1000})

	if s, err = start(bin, dir); err != nil {
		return err
	}
	defer s.stop()
	cpu0, _ := s.usage()
	time.Sleep(idle)
	cpu1, rss := s.usage()
	share := 100 * (cpu1 - cpu0).Seconds() / idle.Seconds()
	add(row{ID: "idle-cpu", Name: "idle CPU", Value: share, Unit: "%", Gate: "<= 1", OK: share <= 1})
	add(row{ID: "idle-rss", Name: "idle resident memory", Value: float64(rss) / (1 << 20), Unit: "MB", Gate: "<= 120", OK: rss <= 120<<20})

	token, err := exec.Command(bin, "admin", "token", "--data", dir, "--email", "bench@localhost", "--label", "bench").Output()
	if err != nil {
		return fmt.Errorf("admin token: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(token)), "\n")
	c := client{base: s.base, token: lines[len(lines)-1]}
	if _, err := c.post("/api/w/main/scripts/create", `{"path":"f/bench/hi","summary":"","description":"","content":"echo hi","language":"bash","schema":{"type":"object","properties":{}}}`); err != nil {
		return err
	}
	for range 20 {
		if _, err := c.post("/api/w/main/jobs/run_wait_result/p/f/bench/hi", "{}"); err != nil {
			return err
		}
	}
	floor, ours, err := coldBash(c, runs)
	if err != nil {
		return err
	}
	ratio := median(ours) / median(floor)
	add(row{ID: "1", Name: "cold bash, run and wait, p50", Value: median(ours), Unit: "ms", Floor: median(floor), Ratio: ratio, Gate: "<= 2.5 x floor", OK: ratio <= 2.5})
	add(row{ID: "1-p99", Name: "cold bash, run and wait, p99", Value: percentile(ours, 99), Unit: "ms", Floor: percentile(floor, 99), Ratio: percentile(ours, 99) / percentile(floor, 99), Gate: "reported", OK: true})

	js, css, err := shell(dist)
	if err == nil {
		add(row{ID: "ui-js", Name: "UI shell, JavaScript gzipped", Value: js, Unit: "KB", Gate: "<= 230", OK: js <= 230})
		add(row{ID: "ui-css", Name: "UI shell, CSS gzipped", Value: css, Unit: "KB", Gate: "<= 40", OK: css <= 40})
	} else {
		fmt.Println("skipped: UI shell:", err)
	}

	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(data, '\n'), 0o644)
}

// coldBash runs the floor and ours in turn, in ms each, so that a machine that changes its speed changes both.
func coldBash(c client, runs int) (floor, ours []float64, err error) {
	for range runs {
		t := time.Now()
		if err := bare(); err != nil {
			return nil, nil, err
		}
		floor = append(floor, ms(time.Since(t)))
		t = time.Now()
		got, err := c.post("/api/w/main/jobs/run_wait_result/p/f/bench/hi", "{}")
		if err != nil {
			return nil, nil, err
		}
		ours = append(ours, ms(time.Since(t)))
		if string(bytes.TrimSpace(got)) != `"hi"` {
			return nil, nil, fmt.Errorf("the result is %s, not \"hi\"", got)
		}
	}
	return floor, ours, nil
}

// bare is the floor of a bash job: spawn, pipe, wait.
func bare() error {
	out, err := exec.Command("bash", "--noprofile", "--norc", "-c", "echo hi").Output()
	if err != nil || string(out) != "hi\n" {
		return fmt.Errorf("bare bash: %q, %w", out, err)
	}
	return nil
}

type server struct {
	cmd   *exec.Cmd
	base  string
	ready time.Duration
}

func start(bin, dir string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	log, err := os.Create(filepath.Join(dir, "bench.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{cmd: exec.Command(bin, "start", "--data", dir, "--listen", addr), base: "http://" + addr}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/readyz", nil)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				s.ready = time.Since(began)
				return s, nil
			}
		}
		if ctx.Err() != nil {
			s.cmd.Process.Kill()
			return nil, fmt.Errorf("the server was not ready after 30 s; see %s", log.Name())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (s *server) stop() error {
	if s.cmd.ProcessState != nil {
		return nil
	}
	s.cmd.Process.Signal(os.Interrupt)
	return s.cmd.Wait()
}

// usage reads CPU time and resident bytes of the server from /proc; zero elsewhere than on Linux.
func (s *server) usage() (time.Duration, int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	utime, _ := strconv.ParseInt(f[11], 10, 64)
	stime, _ := strconv.ParseInt(f[12], 10, 64)
	pages, _ := strconv.ParseInt(f[21], 10, 64)
	const hz = 100 // USER_HZ on Linux
	return time.Duration(utime+stime) * time.Second / hz, pages * int64(os.Getpagesize())
}

type client struct{ base, token string }

func (c client) post(path, body string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodPost, c.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s: %s: %s", path, res.Status, data)
	}
	return data, nil
}

// shell adds up what index.html loads before anything is clicked, gzipped, in KB of 1,000 bytes.
func shell(dist string) (js, css float64, err error) {
	html, err := os.ReadFile(filepath.Join(dist, "index.html"))
	if err != nil {
		return 0, 0, err
	}
	for _, part := range strings.Split(string(html), `"`) {
		name := filepath.Join(dist, filepath.FromSlash(strings.TrimPrefix(part, "/")))
		ext := filepath.Ext(name)
		if ext != ".js" && ext != ".css" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return 0, 0, err
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, 9)
		z.Write(data)
		z.Close()
		if ext == ".js" {
			js += float64(b.Len()) / 1000
		} else {
			css += float64(b.Len()) / 1000
		}
	}
	return js, css, nil
}

func machine() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(info), "\n") {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :")) + ", " + runtime.GOOS + "/" + runtime.GOARCH
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func median(v []float64) float64 { return percentile(v, 50) }

func percentile(v []float64, p int) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	return s[min(len(s)-1, len(s)*p/100)]
}
