// Package images has the Dockerfiles of the servers, and builds them. An image's tag is a hash of what it is built from,
// so one that is there is the right one, and a second build has nothing to do.
package images

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ory/dockertest/v3/docker"
)

//go:embed base.sh */Dockerfile */*.sh */*.py
var files embed.FS

// repository is where the images stand. It is no registry's: nothing is ever pushed to it or pulled from it.
const repository = "holdall-test"

// Names are the servers that have a Dockerfile.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // of an embedded file system
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// Setting is the environment variable that names another image in place of our own for a server, such as
// HOLDALL_IMAGE_MINIO. The image must take the same command and environment.
func Setting(name string) string { return "HOLDALL_IMAGE_" + strings.ToUpper(name) }

// Ref returns the reference of a server's image: that of the setting, or of the one that Build makes.
func Ref(name string) (ref string, ours bool) {
	if ref := os.Getenv(Setting(name)); ref != "" {
		return ref, false
	}
	return repository + "/" + name + ":" + tag(contents(name)), true
}

// Dockerfile returns the Dockerfile of a server.
func Dockerfile(name string) (string, error) {
	b, err := files.ReadFile(path.Join(name, "Dockerfile"))
	return string(b), err
}

// Unpack writes the files that a server's image is built from into a folder, for running it without one.
func Unpack(name, dir string) error {
	tree, err := fs.Sub(files, name)
	if err != nil {
		return err
	}
	return os.CopyFS(dir, tree)
}

// tag is a hash of the files that an image is built from.
func tag(from []file) string {
	h := sha256.New()
	for _, f := range from {
		fmt.Fprintf(h, "%s %d\n%s", f.name, len(f.content), f.content)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

type file struct {
	name    string // in the build context
	content []byte
}

// contents are the files of a server's build context, ordered by name.
func contents(name string) []file {
	var all []file
	err := fs.WalkDir(files, name, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(p)
		all = append(all, file{strings.TrimPrefix(p, name+"/"), content})
		return err
	})
	if err != nil {
		panic(err) // of an embedded file system
	}
	return all
}

// archive is the build context as the engine wants it. Nothing in it depends on when or where it was made.
func archive(name string) (io.Reader, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range contents(name) {
		mode := int64(0o644)
		if strings.HasSuffix(f.name, ".sh") {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: mode, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	return &b, w.Close()
}

// Missing returns the servers whose own image is not there.
func Missing(engine *docker.Client) ([]string, error) {
	var missing []string
	for _, name := range Names() {
		ref, ours := Ref(name)
		if !ours {
			continue
		}
		switch _, err := engine.InspectImage(ref); {
		case err == docker.ErrNoSuchImage:
			missing = append(missing, name)
		case err != nil:
			return nil, fmt.Errorf("looking for %s: %w", ref, err)
		}
	}
	return missing, nil
}

// Build builds the image of a server from the bases, and shows each step on log.
func Build(ctx context.Context, engine *docker.Client, name string, from Bases, log io.Writer) error {
	in, err := archive(name)
	if err != nil {
		return err
	}
	steps := &steps{log: log}
	ref, _ := Ref(name)
	err = engine.BuildImage(docker.BuildImageOptions{
		Context: ctx, Name: ref, InputStream: in, OutputStream: steps,
		RmTmpContainer: true, ForceRmTmpContainer: true,
		BuildArgs: append(proxies(), docker.BuildArg{Name: "DEBIAN", Value: from.Debian}, docker.BuildArg{Name: "GOLANG", Value: from.Golang}),
	})
	if err != nil {
		fmt.Fprintln(log, steps.last())
		return fmt.Errorf("building %s from %s and %s: %w", ref, from.Debian, from.Golang, err)
	}
	return nil
}

// proxies passes on the proxies of the environment, as the docker command does. They do not become part of an image.
func proxies() []docker.BuildArg {
	var args []docker.BuildArg
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" {
			args = append(args, docker.BuildArg{Name: name, Value: value})
		}
	}
	return args
}

// Sweep removes what earlier builds left: the stages that the images were built in, and of each server's images all but
// the newest two, so that two branches can be worked on by turns. What cannot be removed stays.
func Sweep(engine *docker.Client) error {
	_, err := engine.PruneImages(docker.PruneImagesOptions{Filters: map[string][]string{
		"label": {"holdall.test=build"}, "dangling": {"true"},
	}})
	if err != nil {
		return err
	}
	all, err := engine.ListImages(docker.ListImagesOptions{Filters: map[string][]string{"label": {"holdall.test=image"}}})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b docker.APIImages) int { return int(b.Created - a.Created) })
	kept := map[string]int{}
	for _, image := range all {
		for _, ref := range image.RepoTags {
			name, _, _ := strings.Cut(ref, ":")
			if !strings.HasPrefix(name, repository+"/") {
				continue
			}
			server := strings.TrimPrefix(name, repository+"/")
			if !slices.Contains(Names(), server) {
				continue // of another branch
			}
			kept[name]++
			if current, _ := Ref(server); kept[name] > 2 && ref != current {
				_ = engine.RemoveImage(ref) // a container may be using it
			}
		}
	}
	return nil
}
