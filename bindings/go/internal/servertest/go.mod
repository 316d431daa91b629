module github.com/datastreams/datastreams/bindings/go/internal/servertest

go 1.24.0
