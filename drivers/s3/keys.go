package s3

import (
	"regexp"

	"github.com/holdall-go/holdall/blob"
)

// keyRules are the keys that the server keeps as they are and can list. S3 itself takes all.
func (f *flavour) keyRules() blob.KeyRules {
	r := blob.KeyRules{MaxBytes: 1024, MaxSegment: f.maxSegment, XMLSafe: f.plainLists, NoSlashAtEnd: f.noSlashAtEnd}
	if f.paths {
		r.Canonical, r.NoFileBesideDir, r.NoSpacedDots = true, true, f.refusesDots
		r.Note = f.name + " keeps objects as files"
	}
	return r
}

// dotSegment is a segment of one or two dots, or such a one amid the white space of ASCII. To the server a backslash is a
// slash.
var dotSegment = regexp.MustCompile(`(?:^|[/\\])([\s\v]*\.\.?[\s\v]*)(?:[/\\]|$)`)

// dots returns where the first segment of dots begins and ends that the server refuses to be asked for, or nil.
func (f *flavour) dots(text string) []int {
	if !f.refusesDots {
		return nil
	}
	if at := dotSegment.FindStringSubmatchIndex(text); at != nil {
		return at[2:]
	}
	return nil
}
