package images

import (
	"archive/tar"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// Two images have the same tag only if they are built from the same files.
func TestTag(t *testing.T) {
	from := func(f ...string) (all []file) {
		for i := 0; i < len(f); i += 2 {
			all = append(all, file{f[i], []byte(f[i+1])})
		}
		return all
	}
	tags := map[string]int{}
	for i, content := range [][]file{
		from("Dockerfile", "FROM a"),
		from("Dockerfile", "FROM b"),
		from("dockerfile", "FROM a"),
		from("Dockerfile", "FROM a", "up.sh", ""),
		from("Dockerfile", "FROM a", "up.sh", "x"),
		from("Dockerfile", "FROM a", "up.shx", ""),
		from("Dockerfile", "FROM aup.sh 0\n"),
	} {
		got := tag(content)
		if other, taken := tags[got]; taken {
			t.Errorf("contents %d and %d have the tag %s", other, i, got)
		}
		tags[got] = i
		if again := tag(content); again != got {
			t.Errorf("contents %d have the tags %s and %s", i, got, again)
		}
	}
}

// What the engine gets is what the tag is made of, with scripts that can be run.
func TestArchive(t *testing.T) {
	for _, name := range Names() {
		in, err := archive(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []file
		for r := tar.NewReader(in); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, file{h.Name, content})
			if script := strings.HasSuffix(h.Name, ".sh"); script != (h.Mode == 0o755) {
				t.Errorf("%s of %s has mode %o", h.Name, name, h.Mode)
			}
		}
		if tag(got) != tag(contents(name)) {
			t.Errorf("the archive of %s has other files than its tag is made of", name)
		}
		if !slices.ContainsFunc(got, func(f file) bool { return f.name == "Dockerfile" }) {
			t.Errorf("%s has no Dockerfile", name)
		}
	}
}

func TestSetting(t *testing.T) {
	t.Setenv("HOLDALL_IMAGE_MINIO", "")
	ref, ours := Ref("minio")
	if want := "holdall-test/minio:" + tag(contents("minio")); ref != want || !ours {
		t.Errorf("Ref is %s, %v; want %s", ref, ours, want)
	}
	const another = "registry.example:5000/minio@sha256:0"
	t.Setenv("HOLDALL_IMAGE_MINIO", another)
	if ref, ours := Ref("minio"); ref != another || ours {
		t.Errorf("Ref is %s, %v; want the image of the setting", ref, ours)
	}
}
