module github.com/datastreams/datastreams/bindings/go/bench/ours

go 1.26.0

require github.com/datastreams/datastreams/bindings/go v0.0.0

replace github.com/datastreams/datastreams/bindings/go => ../..
