package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// silence is how long a step may say nothing before its heartbeat does.
const silence = 15 * time.Second

const indent = "         " // as wide as a clock and what follows it

// A transcript takes the output of a step, shows its lines as they come, and keeps them. Many goroutines may use it.
type transcript struct {
	mu       sync.Mutex
	out      io.Writer
	all      bytes.Buffer
	shown    int // how much of all has been shown
	lastWord time.Time
}

func newTranscript(out io.Writer) *transcript { return &transcript{out: out, lastWord: time.Now()} }

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.Write(p)
	for {
		line, _, whole := bytes.Cut(t.all.Bytes()[t.shown:], []byte("\n"))
		if !whole {
			return len(p), nil
		}
		t.shown += len(line) + 1
		t.show(string(line))
	}
}

// close shows a last line that has no end, and returns all that was written.
func (t *transcript) close() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rest := t.all.Bytes()[t.shown:]; len(rest) > 0 {
		t.show(string(rest))
	}
	return t.all.String()
}

func (t *transcript) show(line string) {
	if strings.HasSuffix(line, "[no test files]") {
		return
	}
	fmt.Fprintln(t.out, indent+line)
	t.lastWord = time.Now()
}

// heartbeat shows what word returns whenever the step has been silent for long, until stop is called.
func (t *transcript) heartbeat(word func(now time.Time) string) (stop func()) {
	done := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		tick := time.NewTicker(silence / 5)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				t.mu.Lock()
				if now.Sub(t.lastWord) >= silence {
					fmt.Fprintln(t.out, word(now))
					t.lastWord = now
				}
				t.mu.Unlock()
			}
		}
	})
	return func() { close(done); beating.Wait() }
}
