package conformance

import (
	"github.com/holdall-go/holdall/blob"
)

// A Need is what a case needs of the store or of its harness. Exactly one of Has, Lacks and Hook is set.
type Need struct {
	Name string

	// Has tells whether the store declares the capability. Where it does not, Refused runs: the negative half.
	Has     func(c blob.Capabilities) bool
	Refused func(t *T)

	// Lacks tells whether the store declares a limitation that excuses it from the case.
	Lacks func(c blob.Capabilities) bool

	// Hook is the hook that the harness must have.
	Hook Hook
}

// needHook makes the need of a hook.
func needHook(h Hook) Need { return Need{Name: string(h), Hook: h} }

// unless makes the need that a limitation is not declared.
func unless(name string, limited func(c blob.Capabilities) bool) Need {
	return Need{Name: name, Lacks: limited}
}
