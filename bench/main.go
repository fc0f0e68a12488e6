//go:build linux

// Command bench compares holdall with its peers in one run, and prints one table: goal, ours, peer, ratio, limit.
//
//	go -C bench run .                  # every goal
//	go -C bench run . -goal 'G1|G4b'   # those that match
//	go -C bench run . -s3 http://key:secret@127.0.0.1:7070/bucket   # S3 on a real server too
//
// Ours and the peer take turns, at least seven times each, and medians are compared: of processor time where the
// processor decides, of wall time where waiting does. The files lie in a fresh directory, in memory if /dev/shm is there.
// The goals of S3 run against a server that stores nothing, in a process of its own, and then against the real one of
// -s3, if there is one, which they fill below one prefix and clean again.
//
// Nothing here is a test: a goal that is missed is printed as missed, and the exit status is still 0.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdall-go/holdall/bench/nulls3"
)

// A goal is one experiment; it prints rows.
type goal struct {
	id  string
	doc string
	run func(r *results)
}

func main() {
	only := flag.String("goal", "", "run the goals whose ID matches this regular expression")
	flag.IntVar(&turns, "turns", turns, "how often each side takes its turn")
	flag.StringVar(&scratch, "dir", scratch, "where the files of G2 to G4a lie; empty is /dev/shm or the temporary directory")
	flag.StringVar(&disk, "disk", disk, "where the files of the durable rows lie; empty is the temporary directory")
	flag.StringVar(&realS3, "s3", realS3, "`URL` of a bucket on a real S3 server, with its key pair, for the goals of S3")
	flag.IntVar(&memoryMiB, "memory-mib", memoryMiB, "the size in MiB of the objects of G10")
	null := flag.Bool("null-server", false, "be the null S3 server; for the program itself")
	work := flag.String("child", "", "make one transfer of G10; for the program itself")
	flag.Parse()
	switch {
	case *null:
		must(nulls3.Run())
		return
	case *work != "":
		child(*work)
		return
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -goal is no regular expression:", err)
		os.Exit(2)
	}
	printMachine()
	r := &results{}
	for _, g := range goals {
		if !match.MatchString(g.id) {
			continue
		}
		begin := time.Now()
		fmt.Fprintf(os.Stderr, "%-4s %s …", g.id, g.doc)
		r.goal = g.id
		g.run(r)
		fmt.Fprintf(os.Stderr, " %.1f s\n", time.Since(begin).Seconds())
	}
	stopNullServer()
	r.print()
}

var goals = []goal{
	{"G1a", "memory: put, get and stat of 1 KiB, beside gocloud.dev's memblob", mem},
	{"G1b", "what blob.Check adds to a driver that does nothing", check},
	{"G1c", "S3: put, get and stat of 1 KiB, beside the SDK, minio-go, s3blob and bare net/http", smallCalls},
	{"G2", "files: put, get and stat of 1 KiB, beside system calls and gocloud.dev's fileblob", smallFiles},
	{"G3", "files: 256 MiB written, read and copied, beside plain copies and fileblob", largeFile},
	{"G4a", "files: listing, beside WalkDir with Info and fileblob", fileListing},
	{"G4b", "memory: listing 100,000 keys, beside memblob", memListing},
	{"G4c", "S3: listing, beside the SDK, minio-go, s3blob and bare net/http", s3Listing},
	{"G5a", "S3: 256 MiB up, beside the SDK's transfer manager, minio-go and bare net/http", uploads},
	{"G5b", "S3: 256 MiB down, beside the same", downloads},
	{"G9a", "access check with 11,111 grants, beside Casbin and cedar-go", accessCheck},
	{"G9b", "listing through a view, beside listing without one", viewListing},
	{"G10", "S3: memory of an upload and of a download, beside the transfer manager and minio-go", memoryUse},
}

func printMachine() {
	fmt.Printf("%s %s/%s, %d processors, load %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load())
	if info, ok := debug.ReadBuildInfo(); ok {
		var peers []string
		for _, m := range info.Deps {
			switch m.Path {
			case "gocloud.dev", "github.com/casbin/casbin/v2", "github.com/cedar-policy/cedar-go", "github.com/minio/minio-go/v7",
				"github.com/aws/aws-sdk-go-v2/service/s3", "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager":
				peers = append(peers, m.Path+" "+m.Version)
			}
		}
		fmt.Println(strings.Join(peers, ", "))
	}
	fmt.Println()
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// results collects the rows of the table.
type results struct {
	goal string
	rows []row
}

type row struct{ goal, what, ours, peer, ratio, limit, verdict string }

// add puts a row in the table. Met says whether every limit of the row holds.
func (r *results) add(what, ours, peer, ratio, limit string, met bool) {
	verdict := "met"
	if !met {
		verdict = "MISSED"
	}
	r.rows = append(r.rows, row{r.goal, what, ours, peer, ratio, limit, verdict})
}

// note puts a row in the table that no limit judges.
func (r *results) note(what, ours, peer, ratio string) {
	r.rows = append(r.rows, row{r.goal, what, ours, peer, ratio, "none", ""})
}

func (r *results) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "GOAL\tWHAT\tOURS\tPEER\tRATIO\tLIMIT\t")
	for _, x := range r.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.goal, x.what, x.ours, x.peer, x.ratio, x.limit, x.verdict)
	}
	w.Flush()
	fmt.Printf("\nload at the end %s\n", load())
}
