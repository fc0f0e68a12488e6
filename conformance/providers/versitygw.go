package providers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/holdall-go/holdall/conformance"
)

// versitygwVersion is the version that the go command builds for use without Docker. The Dockerfile names the same.
const versitygwVersion = "v1.8.0"

// Versitygw is versitygw over a directory. It is the one server that runs without Docker too.
var Versitygw = &Provider{
	Name:    "versitygw",
	Holders: [2]Identity{{"AKTEST", "SKTEST0123456789"}, {"AKTEST2", "SKTEST20123456789"}},
	port:    "7070/tcp",
	env:     []string{"ROOT_ACCESS_KEY=AKTEST", "ROOT_SECRET_KEY=SKTEST0123456789"},
	command: versitygwArgs(":7070", "/srv", "/"),
	child:   startVersitygw,
	second: func(ctx context.Context, s *Server) error {
		first, second := s.Provider.Holders[0], s.Provider.Holders[1]
		listens := s.process.inside()
		_, err := s.process.exec(ctx, "versitygw", "admin", "--access", first.Access, "--secret", first.Secret, "--endpoint-url", listens,
			"create-user", "--access", second.Access, "--secret", second.Secret, "--role", "user")
		return err
	},
	version: func(ctx context.Context, s *Server) (string, error) {
		out, err := s.process.exec(ctx, "versitygw", "--version") // Version  : v1.8.0
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(out) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "Version" {
				return strings.TrimPrefix(strings.TrimSpace(value), "v"), nil
			}
		}
		return "", fmt.Errorf("unexpected: %q", out)
	},
	expected: map[string]conformance.KnownFailure{
		"E18": {
			Reason: "HeadObject looks up size, attributes and ETag one after the other by path, and GetObject the ETag before it opens " +
				"the content, and a write comes between: https://github.com/versity/versitygw/blob/v1.8.0/backend/posix/posix.go#L5396-L5459",
			Texts:     []string{"stat mixes versions", "get mixes versions: the ETag"},
			Sometimes: true,
		},
	},
}

// versitygwArgs are the arguments of a server that keeps all that it has in three folders of dir, which must be there.
func versitygwArgs(listen, dir, separator string) []string {
	in := func(folder string) string { return dir + separator + folder }
	return []string{"--quiet", "--port", listen, "--iam-dir", in("iam"), "posix", "--versioning-dir", in("versions"), in("data")}
}

// versitygwPath is where InstallVersitygw puts the program, and where it is looked for if it is not on the PATH.
func versitygwPath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "holdall", "versitygw-"+versitygwVersion, "versitygw"), nil
}

// InstallVersitygw builds the program for use without Docker into the user's cache, unless it is there.
func InstallVersitygw(ctx context.Context, log io.Writer) error {
	program, err := versitygwPath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err == nil {
		return nil
	}
	if runtime.GOOS == "windows" {
		return errors.New("versitygw does not run on Windows")
	}
	fmt.Fprintln(log, "building versitygw", versitygwVersion)
	// The go command writes the program last, and under its name only when it is whole.
	build := exec.CommandContext(ctx, "go", "install", "-ldflags", "-s -w -X main.Version="+versitygwVersion,
		"github.com/versity/versitygw/cmd/versitygw@"+versitygwVersion)
	build.Env = append(os.Environ(), "GOBIN="+filepath.Dir(program), "CGO_ENABLED=0", "GOFLAGS=")
	build.Stdout, build.Stderr = log, log
	if err := build.Run(); err != nil {
		return fmt.Errorf("building versitygw %s: %w", versitygwVersion, err)
	}
	return nil
}

// startVersitygw runs the program as a child of this process, on a directory of its own.
func startVersitygw(p *Provider) (process, error) {
	program, err := exec.LookPath("versitygw")
	if err != nil {
		if program, err = versitygwPath(); err == nil {
			_, err = os.Stat(program)
		}
	}
	if err != nil {
		return nil, &Unavailable{p.Name, "no Docker engine has its image, and its program is not here",
			"build one of them: go -C conformance/providers run ./prepare", err}
	}
	dir, err := os.MkdirTemp("", "holdall-versitygw-")
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"iam", "versions", "data"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, err
		}
	}
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c := &child{program: program, dir: dir, at: at, env: p.env, args: versitygwArgs(at.Host, dir, string(filepath.Separator))}
	return c, c.start()
}
