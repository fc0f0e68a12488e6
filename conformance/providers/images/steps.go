package images

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// steps shows the steps of a build as they begin, and keeps the last lines of what they say for when one fails.
type steps struct {
	log  io.Writer
	line []byte
	tail []string
}

// kept is how many lines are shown of a step that fails.
const kept = 30

func (s *steps) Write(p []byte) (int, error) {
	s.line = append(s.line, p...)
	for {
		line, rest, whole := bytes.Cut(s.line, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		s.line = rest
		s.add(strings.TrimSpace(string(line)))
	}
}

func (s *steps) add(line string) {
	if line == "" {
		return
	}
	if strings.HasPrefix(line, "Step ") {
		fmt.Fprintln(s.log, line)
		s.tail = s.tail[:0]
		return
	}
	s.tail = append(s.tail, line)
	if len(s.tail) > kept {
		s.tail = s.tail[1:]
	}
}

// last is what the step that failed has said since it began, or the end of that.
func (s *steps) last() string { return strings.Join(s.tail, "\n") }
