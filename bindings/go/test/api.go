// Package test holds the tests of the Go package that take more than the package itself: what it exports beside what
// data-streams-go did, and what arrives at an agent.
package test

import (
	"fmt"
	"go/types"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// exported lists what packages export, a line each, in the style of Go's api/*.txt: the names and types of constants,
// functions, types, fields and methods. dir is that of a module; prefix, of the import path, is left out. cgo is the value of
// CGO_ENABLED.
func exported(cgo, dir, prefix string, patterns ...string) ([]string, error) {
	loaded, err := packages.Load(&packages.Config{
		Dir:  dir,
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedModule | packages.NeedTypesInfo | packages.NeedSyntax,
		Env:  append(os.Environ(), "GOWORK=off", "CGO_ENABLED="+cgo),
	}, patterns...)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, pkg := range loaded {
		if len(pkg.Errors) > 0 {
			return nil, fmt.Errorf("%s: %v", pkg.PkgPath, pkg.Errors)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(pkg.PkgPath, prefix), "/")
		lister := lister{pkg: pkg.Types, module: prefix, start: "pkg " + name + ", "}
		for _, name := range pkg.Types.Scope().Names() {
			lister.add(pkg.Types.Scope().Lookup(name))
		}
		lines = append(lines, lister.lines...)
	}
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

type lister struct {
	pkg    *types.Package
	module string
	start  string
	lines  []string
}

func (l *lister) line(format string, args ...any) {
	l.lines = append(l.lines, l.start+fmt.Sprintf(format, args...))
}

// text is a type as it is written, without the names of parameters. Packages are named: those of a module other than the
// standard library by their path, since two versions of a client have the same name.
func (l *lister) text(t types.Type) string {
	switch t := t.(type) {
	case *types.Signature:
		parts := make([]string, 0, t.Params().Len())
		for i := range t.Params().Len() {
			part := l.text(t.Params().At(i).Type())
			if t.Variadic() && i == t.Params().Len()-1 {
				part = "..." + strings.TrimPrefix(part, "[]")
			}
			parts = append(parts, part)
		}
		results := make([]string, 0, t.Results().Len())
		for i := range t.Results().Len() {
			results = append(results, l.text(t.Results().At(i).Type()))
		}
		text := "(" + strings.Join(parts, ", ") + ")"
		switch len(results) {
		case 0:
			return text
		case 1:
			return text + " " + results[0]
		}
		return text + " (" + strings.Join(results, ", ") + ")"
	case *types.Slice:
		return "[]" + l.text(t.Elem())
	case *types.Basic:
		switch t.Name() {
		case "byte":
			return "uint8"
		case "rune":
			return "int32"
		}
	}
	return types.TypeString(t, func(p *types.Package) string {
		if p == l.pkg {
			return ""
		}
		first, _, _ := strings.Cut(p.Path(), "/")
		if !strings.Contains(first, ".") || strings.HasPrefix(p.Path(), l.module) {
			return p.Name()
		}
		return p.Path()
	})
}

func (l *lister) add(object types.Object) {
	if !object.Exported() {
		return
	}
	name := object.Name()
	switch object := object.(type) {
	case *types.Const:
		l.line("const %s = %s", name, object.Val().ExactString())
		l.line("const %s %s", name, l.text(object.Type())) // "untyped string", too
	case *types.Var:
		l.line("var %s %s", name, l.text(object.Type()))
	case *types.Func:
		l.line("func %s%s", name, l.text(object.Signature()))
	case *types.TypeName:
		l.addType(object)
	}
}

func (l *lister) addType(object *types.TypeName) {
	name := object.Name()
	if object.IsAlias() {
		l.line("type %s = %s", name, l.text(types.Unalias(object.Type())))
	}
	switch under := object.Type().Underlying().(type) {
	case *types.Struct:
		l.line("type %s struct", name)
		for field := range under.Fields() {
			if field.Exported() {
				l.line("type %s struct, %s %s", name, field.Name(), l.text(field.Type()))
			}
		}
	case *types.Interface:
		var methods []string
		for method := range under.Methods() {
			methods = append(methods, method.Name())
			l.line("type %s interface, %s%s", name, method.Name(), l.text(method.Signature()))
		}
		l.line("type %s interface { %s }", name, strings.Join(methods, ", "))
		return
	case *types.Signature:
		l.line("type %s func%s", name, l.text(under))
	default:
		l.line("type %s %s", name, l.text(under))
	}
	values, pointers := types.NewMethodSet(object.Type()), types.NewMethodSet(types.NewPointer(object.Type()))
	for selection := range pointers.Methods() {
		method := selection.Obj()
		if !method.Exported() {
			continue
		}
		receiver := "*" + name
		if values.Lookup(method.Pkg(), method.Name()) != nil {
			receiver = name
		}
		l.line("method (%s) %s%s", receiver, method.Name(), l.text(selection.Type().(*types.Signature)))
	}
}
