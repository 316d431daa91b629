module github.com/datastreams/datastreams/bindings/go

go 1.24.0
