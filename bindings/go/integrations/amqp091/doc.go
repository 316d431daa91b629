// Package amqp091 measures the messages of github.com/rabbitmq/amqp091-go.
//
// # One changed line
//
// [NewChannel] takes the place of the connection's method Channel; [WrapChannel] measures a channel that is there already.
// What they return has all methods of the client's channel.
//
//	channel, err := amqp091.NewChannel(connection)
//	...
//	orders, err := channel.Consume("orders", "", false, false, false, false, nil)
//	for order := range orders {
//		ctx := amqp091.ContextWithDelivery(ctx, &order)
//		err = channel.PublishWithContext(ctx, "", "payments", false, false, payment(&order))
//		...
//	}
//
// The context carries the pathway of the message that is being worked on to the messages that it causes. A message that is
// published with the headers of one that was consumed needs no context: it continues the pathway in the headers.
//
// # Or by hand
//
// [TraceProduce] and [TraceConsume] do the same to single messages of a channel that is not wrapped. A message is measured
// twice when both ways are used for it.
//
// # What is measured
//
// A published message passes its edge when Publish takes it; that it is returned, not confirmed, or refused later does not
// take that back. It goes to an exchange (exchange, and whether there is a routing key), or over the default exchange to the
// queue that the routing key names (topic). A delivery passes its edge (topic: the queue) when Get returns it, or when it is
// the next one in the channel that Consume returned: there it waits while the program works on the one before. A delivery
// without a header starts a pathway, at its timestamp if it has one. Sizes are those of body and headers. Queues with names
// that a broker or a client made up share an edge with others of their kind.
//
// # Headers
//
// The pathway travels as a text in the headers, in place of one that is there. The table of headers that a program publishes
// stays as it is. Deliveries have the pathway after their edge in place of that before it, which is what ContextWithDelivery
// reads.
//
// The headers of a message have one frame. A message whose headers would no longer fit it is published without the pathway and
// without a checkpoint; integrations.Counts counts it ("rabbitmq_too_large"), and datastreams.Err tells. [WithoutHeaders]
// switches headers off.
//
// # Goroutines
//
// Each call of Consume has one until its deliveries end, and a channel that consumes has one until it is closed.
package amqp091
