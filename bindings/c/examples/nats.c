/* nats.c - orders, payments and a ledger over NATS, each as a service of its own. Start the last one first: each says
 * "ready" when it reads.
 *
 *     nats ledger   nats://127.0.0.1:4222 core 100      reads 100 messages from shop.payments
 *     nats payments nats://127.0.0.1:4222 core 100      reads 100 from shop.orders, sends one to shop.payments for each
 *     nats orders   nats://127.0.0.1:4222 core 100      sends 100 to shop.orders
 *
 * With "jetstream" instead of "core" the messages go through a stream, and are fetched by durable consumers (the server
 * runs with -js). The environment says where statistics go: DD_TRACE_AGENT_URL. The edges, in the order of a message's way:
 *   direction:out,topic:shop.orders,type:nats
 *   direction:in,group:payments,topic:shop.orders,type:nats
 *   direction:out,topic:shop.payments,type:nats
 *   direction:in,group:ledger,topic:shop.payments,type:nats */
#include <datastreams_nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program when cnats says that something went wrong. */
static void need(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

/* Makes the stream, unless another service did. */
static void make_stream(jsCtx *js) {
    const char *subjects[] = {"shop.>"};
    jsStreamConfig config;
    jsErrCode code = 0;
    natsStatus status;
    jsStreamConfig_Init(&config);
    config.Name = "SHOP";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_MemoryStorage;
    status = js_AddStream(NULL, js, &config, NULL, &code);
    if (code != JSStreamNameExistErr) need(status, "stream");
}

/* Sends a message whose cause, if it has one, came by `pathway`. */
static void publish(const ds_client *client, ds_edge edge, const ds_pathway *pathway, natsConnection *nc, jsCtx *js,
                    const char *subject, long number) {
    char data[32];
    natsMsg *msg = NULL;
    const int len = snprintf(data, sizeof data, "{\"number\":%ld}", number);
    need(natsMsg_Create(&msg, subject, NULL, data, len), "message");

    ds_nats_produce(client, edge, nc, msg, pathway, NULL); /* the only line that measuring adds */

    need(js != NULL ? js_PublishMsg(NULL, js, msg, NULL, NULL) : natsConnection_PublishMsg(nc, msg), "publish");
    natsMsg_Destroy(msg);
}

/* The next message, of a stream or not; to be destroyed. Waits for as long as it takes. */
static natsMsg *next(natsSubscription *subscription, jsCtx *js) {
    natsMsgList list;
    natsMsg *msg = NULL;
    natsStatus status;
    do {
        if (js == NULL) {
            status = natsSubscription_NextMsg(&msg, subscription, 1000);
        } else if ((status = natsSubscription_Fetch(&list, subscription, 1, 1000, NULL)) == NATS_OK) {
            msg = list.Msgs[0];
            list.Msgs[0] = NULL; /* destroyed by the caller, not with the list */
            natsMsgList_Destroy(&list);
        }
    } while (status == NATS_TIMEOUT);
    need(status, "read");
    return msg;
}

int main(int argc, char **argv) {
    ds_config config = DS_CONFIG_INIT;
    ds_client *client = NULL;
    ds_error error;
    ds_edge in = {0}, out = {0};
    natsConnection *nc = NULL;
    jsCtx *js = NULL;
    natsSubscription *subscription = NULL;
    const char *role = argc == 5 ? argv[1] : "";
    const int orders = strcmp(role, "orders") == 0, payments = strcmp(role, "payments") == 0;
    const char *from = payments ? "shop.orders" : "shop.payments", *to = orders ? "shop.orders" : "shop.payments";
    long number, count;
    if (!orders && !payments && strcmp(role, "ledger") != 0) {
        fprintf(stderr, "usage: %s orders|payments|ledger URL core|jetstream COUNT\n", argv[0]);
        return 2;
    }
    count = atol(argv[4]);

    config.service.ptr = role;
    config.service.len = strlen(role);
    /* Without a client the service runs all the same, unmeasured. */
    if (ds_client_new(&config, &client, &error) != DS_OK) fprintf(stderr, "not measured: %s\n", error.message);
    ds_nats_edge_in(client, from, role, &in);
    ds_nats_edge_out(client, to, &out);

    need(natsConnection_ConnectTo(&nc, argv[2]), argv[2]);
    if (strcmp(argv[3], "jetstream") == 0) {
        need(natsConnection_JetStream(&js, nc, NULL), "JetStream");
        make_stream(js);
    }
    if (!orders) {
        need(js != NULL ? js_PullSubscribe(&subscription, js, from, role, NULL, NULL, NULL)
                        : natsConnection_QueueSubscribeSync(&subscription, nc, from, role),
             "subscribe");
        need(natsConnection_Flush(nc), "flush");
        puts("ready");
        fflush(stdout);
    }

    for (number = 0; number < count; number++) {
        ds_pathway pathway; /* of this message */
        natsMsg *msg;
        if (orders) {
            publish(client, out, NULL, nc, js, to, number); /* a pathway starts */
            continue;
        }
        msg = next(subscription, js);
        ds_nats_consume(client, in, msg, &pathway);
        if (payments) publish(client, out, &pathway, nc, js, to, number);
        if (js != NULL) need(natsMsg_Ack(msg, NULL), "ack");
        natsMsg_Destroy(msg);
    }

    need(natsConnection_Flush(nc), "flush");
    natsSubscription_Destroy(subscription);
    jsCtx_Destroy(js);
    natsConnection_Destroy(nc);
    nats_Close();
    if (client != NULL && ds_client_stop(client, 5000) != DS_OK) fputs("the last statistics were not sent\n", stderr);
    ds_client_free(client);
    printf("%s %ld\n", orders ? "sent" : "read", count);
    return 0;
}
