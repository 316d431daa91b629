/* rabbitmq.c - orders, payments and a ledger over RabbitMQ, each as a service of its own. Start the last one first: each
 * makes what it reads from, and says "ready" when it does.
 *
 *     rabbitmq ledger   127.0.0.1 5672 100      reads 100 messages from the queue "ledger", bound to the exchange "payments"
 *     rabbitmq payments 127.0.0.1 5672 100      reads 100 from the queue "orders", sends a payment for each to that exchange
 *     rabbitmq orders   127.0.0.1 5672 100      sends 100 to the default exchange, with the routing key "orders"
 *
 * The environment says where statistics go: DD_TRACE_AGENT_URL. The edges, in the order of a message's way:
 *   direction:out,topic:orders,type:rabbitmq                               the default exchange: the queue is the topic
 *   direction:in,topic:orders,type:rabbitmq
 *   direction:out,exchange:payments,has_routing_key:false,type:rabbitmq    a fanout exchange
 *   direction:in,topic:ledger,type:rabbitmq */
#include <datastreams_amqp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if AMQP_VERSION >= AMQP_VERSION_CODE(0, 12, 0, 0)
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_tcp_socket.h>
#endif

#define CHANNEL 1

/* Ends the program when rabbitmq-c says that something went wrong. */
static void need(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    fprintf(stderr, "%s: %s\n", what,
            reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION ? amqp_error_string2(reply.library_error)
                                                                : "refused by the broker");
    exit(1);
}

static amqp_connection_state_t connect_to(const char *host, int port) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    const int status = socket == NULL ? AMQP_STATUS_NO_MEMORY : amqp_socket_open(socket, host, port);
    if (status != AMQP_STATUS_OK) {
        fprintf(stderr, "%s:%d: %s\n", host, port, amqp_error_string2(status));
        exit(1);
    }
    need(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(connection, CHANNEL);
    need(amqp_get_rpc_reply(connection), "channel");
    return connection;
}

static void declare_queue(amqp_connection_state_t connection, const char *name) {
    amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(name), 0, 0, 0, 0, amqp_empty_table);
    need(amqp_get_rpc_reply(connection), name);
}

static void declare_exchange(amqp_connection_state_t connection, const char *name) {
    amqp_exchange_declare(connection, CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes("fanout"), 0, 0, 0, 0,
                          amqp_empty_table);
    need(amqp_get_rpc_reply(connection), name);
}

/* Sends a message whose cause, if it has one, came by `pathway`. */
static void publish(const ds_client *client, ds_edge edge, const ds_pathway *pathway,
                    amqp_connection_state_t connection, const char *exchange, const char *routing_key, long number) {
    amqp_basic_properties_t properties;
    char body[32];
    int status;
    snprintf(body, sizeof body, "{\"number\":%ld}", number);
    memset(&properties, 0, sizeof properties);
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties.content_type = amqp_cstring_bytes("application/json");

    /* amqp_basic_publish, with four arguments more. */
    status = ds_amqp_publish(client, edge, pathway, NULL, connection, CHANNEL, amqp_cstring_bytes(exchange),
                             amqp_cstring_bytes(routing_key), 0, 0, &properties, amqp_cstring_bytes(body));
    if (status != AMQP_STATUS_OK) {
        fprintf(stderr, "not sent: %s\n", amqp_error_string2(status));
        exit(1);
    }
}

int main(int argc, char **argv) {
    ds_config config = DS_CONFIG_INIT;
    ds_client *client = NULL;
    ds_error error;
    ds_edge in = {0}, out = {0};
    amqp_connection_state_t connection;
    const char *role = argc == 5 ? argv[1] : "";
    const int orders = strcmp(role, "orders") == 0, payments = strcmp(role, "payments") == 0,
              ledger = strcmp(role, "ledger") == 0;
    const char *queue = payments ? "orders" : "ledger";
    long number, count;
    if (!orders && !payments && !ledger) {
        fprintf(stderr, "usage: %s orders|payments|ledger HOST PORT COUNT\n", argv[0]);
        return 2;
    }
    count = atol(argv[4]);

    config.service.ptr = role;
    config.service.len = strlen(role);
    /* Without a client the service runs all the same, unmeasured. */
    if (ds_client_new(&config, &client, &error) != DS_OK) fprintf(stderr, "not measured: %s\n", error.message);
    ds_amqp_edge_in(client, amqp_cstring_bytes(queue), &in);
    if (orders) ds_amqp_edge_out(client, amqp_empty_bytes, amqp_cstring_bytes("orders"), &out);
    if (payments) ds_amqp_edge_out(client, amqp_cstring_bytes("payments"), amqp_empty_bytes, &out);

    connection = connect_to(argv[2], atoi(argv[3]));
    if (!ledger) declare_queue(connection, "orders");
    if (!orders) declare_exchange(connection, "payments");
    if (ledger) {
        declare_queue(connection, "ledger");
        amqp_queue_bind(connection, CHANNEL, amqp_cstring_bytes("ledger"), amqp_cstring_bytes("payments"),
                        amqp_empty_bytes, amqp_empty_table);
        need(amqp_get_rpc_reply(connection), "bind");
    }
    if (!orders) {
        amqp_basic_consume(connection, CHANNEL, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
        need(amqp_get_rpc_reply(connection), "consume");
        puts("ready");
        fflush(stdout);
    }

    for (number = 0; number < count; number++) {
        ds_pathway pathway; /* of this message */
        amqp_envelope_t envelope;
        if (orders) {
            publish(client, out, NULL, connection, "", "orders", number); /* a pathway starts */
            continue;
        }
        amqp_maybe_release_buffers(connection);
        need(amqp_consume_message(connection, &envelope, NULL, 0), "consume");
        ds_amqp_consume(client, in, &envelope.message, &pathway);
        if (payments) publish(client, out, &pathway, connection, "payments", "", number);
        amqp_basic_ack(connection, CHANNEL, envelope.delivery_tag, 0);
        amqp_destroy_envelope(&envelope);
    }

    amqp_channel_close(connection, CHANNEL, AMQP_REPLY_SUCCESS);
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
    if (client != NULL && ds_client_stop(client, 5000) != DS_OK) fputs("the last statistics were not sent\n", stderr);
    ds_client_free(client);
    printf("%s %ld\n", orders ? "sent" : "read", count);
    return 0;
}
