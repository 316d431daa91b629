package test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A platform for which there is no archive is as one without cgo: programs link. With the shared library of the system they
// measure there too.
func TestPlatformsWithoutAnArchive(t *testing.T) {
	list := func(platform, cgo string, args ...string) string {
		system, processor, _ := strings.Cut(platform, "/")
		command := exec.Command("go", append([]string{"list", "-f", "{{.CgoFiles}}"}, args...)...)
		command.Dir, command.Stderr = "..", os.Stderr
		command.Env = append(os.Environ(), "GOWORK=off", "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED="+cgo)
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	const native = "./internal/native"
	for _, platform := range []string{"linux/arm64", "darwin/arm64", "darwin/amd64", "windows/amd64"} {
		if got := list(platform, "1", native); got != "[]" {
			t.Errorf("%s: cgo is used without an archive: %s", platform, got)
		}
	}
	if got := list("linux/arm64", "1", "-tags", "datastreams_dynamic", native); !strings.Contains(got, "dynamic.go") {
		t.Errorf("the shared library is not used: %s", got)
	}
	if got := list("linux/amd64", "1", native); !strings.Contains(got, "static.go") {
		t.Errorf("the archive is not used: %s", got)
	}
}
