package datastreams

import "context"

// pathwayKey finds the pathway of a context.
type pathwayKey struct{}

// pathwayContext is a context with a pathway: one allocation, and none to read it.
type pathwayContext struct {
	context.Context
	pathway Pathway
}

func (c *pathwayContext) Value(key any) any {
	if _, ok := key.(pathwayKey); ok {
		return &c.pathway
	}
	return c.Context.Value(key)
}

// ContextWithPathway returns a copy of ctx that carries the pathway p.
func ContextWithPathway(ctx context.Context, p Pathway) context.Context {
	return &pathwayContext{Context: without(ctx), pathway: p}
}

// without returns ctx, or what it adds a pathway to: nobody would find that pathway any more.
func without(ctx context.Context) context.Context {
	switch parent := ctx.(type) {
	case nil:
		return context.Background()
	case *pathwayContext:
		return parent.Context
	}
	return ctx
}

// PathwayFromContext returns the pathway that ctx carries, and whether there is one.
func PathwayFromContext(ctx context.Context) (p Pathway, ok bool) {
	if carried := carriedBy(ctx); carried != nil && !carried.IsZero() {
		return *carried, true
	}
	return Pathway{}, false
}

// carriedBy returns the pathway that ctx carries: nil when there is none. Mostly it is in ctx itself.
func carriedBy(ctx context.Context) *Pathway {
	if own, ok := ctx.(*pathwayContext); ok {
		return &own.pathway
	}
	if ctx == nil {
		return nil
	}
	carried, _ := ctx.Value(pathwayKey{}).(*Pathway)
	return carried
}

// SetCheckpoint records that the message whose pathway ctx carries passes the edge with these tags now. It returns the
// pathway after that, and a copy of ctx that carries it. Without a pathway in ctx a new one starts.
//
// Set each message's checkpoint on the context of that message: a context that is used for several messages makes them
// one pathway.
func SetCheckpoint(ctx context.Context, edgeTags ...string) (Pathway, context.Context) {
	return SetCheckpointWithParams(ctx, CheckpointParams{}, edgeTags...)
}

// SetCheckpointWithParams is [SetCheckpoint] with parameters.
func SetCheckpointWithParams(ctx context.Context, params CheckpointParams, edgeTags ...string) (Pathway, context.Context) {
	made := branch(ctx)
	made.pathway.pass(params, edgeTags)
	return made.pathway, made
}

// branch returns a context of its own with the pathway that ctx carries, to be carried on.
func branch(ctx context.Context) *pathwayContext {
	made := &pathwayContext{Context: without(ctx)}
	if carried := carriedBy(ctx); carried != nil {
		made.pathway = *carried
	}
	return made
}

// MergeContexts returns the first context, with the pathway that [Merge] chooses from those of all contexts. Without any
// pathway it returns the first context as it is. No context, or nil, is context.Background().
func MergeContexts(ctxs ...context.Context) context.Context {
	first := context.Background()
	if len(ctxs) > 0 && ctxs[0] != nil {
		first = ctxs[0]
	}
	pathways := make([]Pathway, 0, len(ctxs))
	for _, ctx := range ctxs {
		if p, ok := PathwayFromContext(ctx); ok {
			pathways = append(pathways, p)
		}
	}
	if len(pathways) == 0 {
		return first
	}
	return ContextWithPathway(first, Merge(pathways))
}
