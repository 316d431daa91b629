// Command dist writes the Go modules as a release would tag them, and a module proxy of files that serves them:
//
//	dist SOURCE VERSION ARCHIVE OUTPUT
//
// SOURCE is bindings/go in a checkout, VERSION such as 0.1.0, ARCHIVE the static library for this platform. OUTPUT/go gets
// the trees, with the library in them and without the replacements that bind the modules of a checkout together;
// OUTPUT/goproxy is for GOPROXY=file://.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const (
	root    = "github.com/datastreams/datastreams/bindings/go"
	library = "internal/native/libdatastreams_linux_amd64.a"
	header  = "internal/native/datastreams.h"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: dist SOURCE VERSION ARCHIVE OUTPUT")
		os.Exit(2)
	}
	if err := release(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// versionOf a module follows from that of the project: a path that ends in /v2 takes v2.minor.patch.
func versionOf(modulePath, version string) string {
	if _, major, ok := module.SplitPathVersion(modulePath); ok && major != "" {
		_, rest, _ := strings.Cut(version, ".")
		return strings.TrimPrefix(major, "/") + "." + rest
	}
	return "v" + version
}

func release(source, version, archive, output string) error {
	trees, proxy := filepath.Join(output, "go"), filepath.Join(output, "goproxy")
	for _, old := range []string{trees, proxy} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	files, err := tracked(source)
	if err != nil {
		return err
	}
	for _, dir := range modules(files) {
		tree := filepath.Join(trees, dir)
		if err := copyModule(source, dir, tree, files); err != nil {
			return err
		}
		if dir == "." {
			for from, to := range map[string]string{archive: library, filepath.Join(source, "../../include/datastreams.h"): header} {
				if err := copyFile(from, filepath.Join(tree, to)); err != nil {
					return err
				}
			}
			if err := copyFile(filepath.Join(source, "../../LICENSE"), filepath.Join(tree, "LICENSE")); err != nil {
				return err
			}
		}
		if err := publish(tree, dir, version, proxy); err != nil {
			return err
		}
	}
	return nil
}

// tracked lists the files that belong to a release.
func tracked(source string) ([]string, error) {
	command := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir, command.Stderr = source, os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), nil
}

// modules lists the directories with a module for users, the root first. What is internal is for the checkout alone.
func modules(files []string) []string {
	var dirs []string
	for _, file := range files {
		if path.Base(file) == "go.mod" && !strings.HasPrefix(file, "internal/") && !strings.HasPrefix(file, "test/") && !strings.HasPrefix(file, "bench/") && !strings.HasPrefix(file, "examples/") {
			dirs = append(dirs, path.Dir(file))
		}
	}
	return dirs
}

func copyModule(source, dir, tree string, files []string) error {
	nested := map[string]bool{}
	for _, file := range files {
		if path.Base(file) == "go.mod" && path.Dir(file) != dir {
			nested[path.Dir(file)] = true
		}
	}
	for _, file := range files {
		inside := file
		if dir != "." {
			var ok bool
			if inside, ok = strings.CutPrefix(file, dir+"/"); !ok {
				continue
			}
		}
		if inNested(file, nested, dir) || strings.HasSuffix(file, "_test.go") && !example(filepath.Join(source, file)) {
			continue
		}
		err := copyFile(filepath.Join(source, file), filepath.Join(tree, inside))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// example tells whether a test file is documentation. Tests need the checkout, and modules that are not released: one that
// was left in would break `go mod tidy` for users.
func example(file string) bool {
	data, err := os.ReadFile(file)
	return err == nil && strings.HasPrefix(filepath.Base(file), "example") && !bytes.Contains(data, []byte(root+"/internal/"))
}

// inNested tells whether a file belongs to a module below dir.
func inNested(file string, nested map[string]bool, dir string) bool {
	for parent := path.Dir(file); parent != dir && parent != "."; parent = path.Dir(parent) {
		if nested[parent] {
			return true
		}
	}
	return false
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// publish completes go.mod, and adds the module to the proxy.
func publish(tree, dir, version, proxy string) error {
	name := filepath.Join(tree, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	file, err := modfile.Parse(name, data, nil)
	if err != nil {
		return err
	}
	for _, replace := range file.Replace {
		if err := file.DropReplace(replace.Old.Path, replace.Old.Version); err != nil {
			return err
		}
	}
	for _, require := range file.Require {
		required := require.Mod.Path
		if required != root && !strings.HasPrefix(required, root+"/") {
			continue
		}
		if strings.HasPrefix(required, root+"/internal/") { // for tests alone
			err = file.DropRequire(required)
		} else {
			err = file.AddRequire(required, versionOf(required, version))
		}
		if err != nil {
			return err
		}
	}
	file.Cleanup()
	if data, err = file.Format(); err != nil {
		return err
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return err
	}
	mod := module.Version{Path: file.Module.Mod.Path, Version: versionOf(file.Module.Mod.Path, version)}
	escaped, err := module.EscapePath(mod.Path)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := zip.CreateFromDir(&packed, mod, tree); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{mod.Version, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	at := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list": []byte(mod.Version + "\n"), mod.Version + ".info": info, mod.Version + ".mod": data, mod.Version + ".zip": packed.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%s %s\n", mod.Path, mod.Version)
	return nil
}
