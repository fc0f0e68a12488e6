package conformance

import (
	"cmp"
	"slices"
)

// A Case is one thing that a store must do.
type Case struct {
	ID    string // stable for ever; its first letter is the group
	Doc   string // what is checked, in one line
	Needs []Need // all of them; where one is missing, its negative half runs or the case is not run
	Tier  Tier
	Run   func(t *T)
}

// Group is the letter of the case's group.
func (c *Case) Group() string { return c.ID[:1] }

// A Tier says how long cases may take.
type Tier int

// The tiers. Each holds the ones before it.
const (
	Short   Tier = iota // under 2 s in all on mem, under 20 s on a server
	Default             // under 60 s, under 3 minutes
	Long                // no bound
)

// String names the tier.
func (t Tier) String() string { return [...]string{"short", "default", "long"}[t] }

// Groups names the groups by their letters.
var Groups = map[string]string{
	"A": "open", "B": "keys", "C": "write", "D": "read and ranges", "E": "stat and headers", "F": "metadata",
	"G": "ETag, version and checksum", "H": "list", "I": "delete", "J": "copy", "K": "conditional",
	"L": "multipart and resumable", "M": "signed URLs", "N": "consistency and concurrency",
	"O": "context and resources", "P": "errors, retries and faults", "Q": "crash durability", "R": "access control",
	"S": "wrappers", "T": "model, property and fuzz",
}

// Cases returns all cases, ordered by ID.
func Cases() []Case {
	all := slices.Concat(
		openCases, keyCases, writeCases, readCases, statCases, metadataCases,
		etagCases, listCases, deleteCases, copyCases, conditionalCases, multipartCases, signCases,
		signedRequestCases, consistencyCases, contextCases, errorCases, accessCases, wrapperCases, bodyCases,
		faultAnswerCases, faultWireCases, faultContentCases, lostAnswerCases, serverCases,
	)
	slices.SortFunc(all, func(a, b Case) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
