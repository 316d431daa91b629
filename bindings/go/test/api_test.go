package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	ancestor = "github.com/DataDog/data-streams-go"
	ours     = "github.com/datastreams/datastreams/bindings/go"
)

// Where the packages of the ancestor are in ours: its package datastreams is the root.
var counterparts = []struct{ dir, path, name string }{
	{"..", ours, "datastreams"},
	{"..", ours + "/version", "datastreams/version"},
	{"..", ours + "/integrations/messaging", "integrations/messaging"},
	{"../integrations/kafka", ours + "/integrations/kafka", "integrations/kafka"},
	{"../integrations/sarama", ours + "/integrations/sarama", "integrations/sarama"},
}

// published is what data-streams-go exported, taken down line by line from its source, but for the methods that a
// generator wrote for its wire format (DecodeMsg, EncodeMsg, Msgsize).
func published(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("data-streams-go.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// comparable takes out what must differ: the version's value.
func comparable(lines []string) []string {
	kept := slices.Clone(lines)
	for i, line := range kept {
		if strings.HasPrefix(line, "pkg datastreams/version, const Tag = ") {
			kept[i] = "pkg datastreams/version, const Tag"
		}
	}
	return kept
}

func TestEverythingThatTheAncestorExportedIsHere(t *testing.T) {
	var here []string
	for _, counterpart := range counterparts {
		lines, err := exported("1", counterpart.dir, counterpart.path, counterpart.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			here = append(here, strings.Replace(line, "pkg ,", "pkg "+counterpart.name+",", 1))
		}
	}
	here = comparable(here)
	all(t, comparable(published(t)), here, "missing or different")
}

// A program that compiles with cgo compiles without. internal/native is looked at too: there the two differ.
func TestWithoutCgoTheSameIsExported(t *testing.T) {
	var lines [2][]string
	for i, cgo := range []string{"0", "1"} {
		var err error
		if lines[i], err = exported(cgo, "..", ours, "./..."); err != nil {
			t.Fatal(err)
		}
	}
	without, with := lines[0], lines[1]
	if len(with) < 100 {
		t.Fatalf("only %d lines", len(with))
	}
	all(t, with, without, "missing or different without cgo")
	all(t, without, with, "missing or different with cgo")
}

// The list is compared with the ancestor itself where that can be had: DATA_STREAMS_GO names a checkout; otherwise the
// module proxy is asked, which does not serve it everywhere.
func TestTheListIsThatOfTheAncestor(t *testing.T) {
	dir := os.Getenv("DATA_STREAMS_GO")
	if dir == "" {
		command := exec.Command("go", "mod", "download", "-json", ancestor+"@latest")
		command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		command.Dir = t.TempDir()
		out, _ := command.Output()
		var module struct{ Dir, Error string }
		if json.Unmarshal(out, &module) != nil || module.Dir == "" {
			t.Skipf("skipped: the module proxy does not serve %s, and DATA_STREAMS_GO is not set (%s)", ancestor, module.Error)
		}
		dir = module.Dir
	}
	lines, err := exported("1", dir, ancestor, "./datastreams/...", "./integrations/messaging")
	if err != nil {
		t.Fatal(err)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.Contains(line, "msgp.") || strings.HasSuffix(line, ") Msgsize() int")
	})
	listed := slices.DeleteFunc(published(t), func(line string) bool {
		return strings.HasPrefix(line, "pkg integrations/kafka,") || strings.HasPrefix(line, "pkg integrations/sarama,") // modules of their own
	})
	all(t, lines, listed, "not in the list")
	all(t, listed, lines, "only in the list")
}

// all expects every line of wanted among lines.
func all(t *testing.T, wanted, lines []string, otherwise string) {
	t.Helper()
	for _, line := range wanted {
		if !slices.Contains(lines, line) {
			t.Errorf("%s: %s", otherwise, line)
		}
	}
}
