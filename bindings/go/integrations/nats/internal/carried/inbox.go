package carried

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// inboxesMax bounds the prefixes that are remembered: programs have one.
const inboxesMax = 16

// inboxes are the prefixes of the subjects that answers to this process go to, beside the usual one. Never changed, only
// replaced.
var inboxes atomic.Pointer[[]string]

// Inboxes takes note of where answers to a connection go. A message says neither that it is one, nor where it came from.
func Inboxes(conn *nats.Conn) {
	if conn == nil || conn.Opts.InboxPrefix == "" {
		return
	}
	prefix := inbox(conn.Opts.InboxPrefix)
	for {
		all := inboxes.Load()
		known := []string(nil)
		if all != nil {
			known = *all
		}
		if prefix == nats.InboxPrefix || slices.Contains(known, prefix) || len(known) >= inboxesMax {
			return
		}
		more := append(slices.Clone(known), prefix)
		if inboxes.CompareAndSwap(all, &more) {
			return
		}
	}
}

func inbox(prefix string) string { return strings.TrimSuffix(prefix, ".") + "." }

// followed tells whether a subject is the program's: not one of answers, and not one that server and client talk about.
func followed(name string) bool {
	if name == "" || name[0] == '$' || strings.HasPrefix(name, nats.InboxPrefix) {
		return false
	}
	all := inboxes.Load()
	return all == nil || !slices.ContainsFunc(*all, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
