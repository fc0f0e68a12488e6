package s3

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/holdall-go/holdall/blob"
)

// holds refuses a key that the server would take for another one, or could not list. S3 itself takes all.
func (f *flavour) holds(key string) error {
	if !f.paths {
		return nil
	}
	if strings.ContainsFunc(key, unprintable) || f.plainLists && strings.ContainsAny(key, "\ufffe\uffff") {
		return fmt.Errorf("%w: the key %.100q holds a control byte, a backslash, or what XML cannot say, which %s does not keep", blob.ErrInvalid, key, f.name)
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%w: the key %.100q has an empty, \".\" or \"..\" segment; %s keeps objects as files", blob.ErrInvalid, key, f.name)
		}
	}
	if f.dots(key) != nil {
		return fmt.Errorf("%w: the key %.100q has a segment of white space around \".\" or \"..\", which %s refuses", blob.ErrInvalid, key, f.name)
	}
	return nil
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

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\\'
}
