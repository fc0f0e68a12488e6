package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// A child is a server that is a child process of this one.
type child struct {
	program string
	args    []string
	env     []string
	dir     string // all that it stores
	at      *url.URL
	printed tail

	cmd   *exec.Cmd
	ended chan error // gets what Wait returns
	err   error      // that, once it was received
}

// start starts the program. The process ends with this one also if that is killed, where the system can do so.
func (c *child) start() error {
	started := make(chan error)
	c.ended, c.err = make(chan error, 1), nil
	go func() {
		// Linux ends the child with the thread that made it, so this thread does nothing else.
		runtime.LockOSThread()
		cmd := exec.Command(c.program, c.args...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir}, c.env...)
		cmd.Dir = c.dir
		cmd.Stdout, cmd.Stderr = &c.printed, &c.printed
		endWithParent(cmd)
		err := cmd.Start()
		c.cmd = cmd
		started <- err
		if err == nil {
			c.ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", filepath.Base(c.program), err)
	}
	return nil
}

// kill ends the process and waits for that.
func (c *child) kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if c.err == nil {
		c.err = errors.Join(<-c.ended, errors.New("killed"))
	}
	return nil
}

func (c *child) endpoint() *url.URL { return c.at }
func (c *child) inside() string     { return c.at.String() }
func (c *child) output() string     { return c.printed.String() }

func (c *child) gone() error {
	select {
	case err := <-c.ended:
		c.err = errors.Join(err, errors.New("it ended by itself"))
	default:
	}
	return c.err
}

// exec runs a command. That of the server's own program is this very program.
func (c *child) exec(ctx context.Context, command ...string) (string, error) {
	name := command[0]
	if name == filepath.Base(c.program) {
		name = c.program
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, name, command[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", command[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}

func (c *child) restart() error {
	if err := c.kill(); err != nil {
		return err
	}
	return c.start()
}

func (c *child) pause() error  { return freeze(c.cmd.Process, true) }
func (c *child) resume() error { return freeze(c.cmd.Process, false) }

func (c *child) remove() error { return errors.Join(c.kill(), os.RemoveAll(c.dir)) }
