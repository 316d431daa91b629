/* hello.c - one message through one queue, without any broker: the message is a variable.
 *
 *     cc hello.c $(pkg-config --cflags --libs datastreams) -o hello
 *     datastreams collect --print &
 *     ./hello */
#include <datastreams.h>
#include <stdio.h>

int main(void) {
    static const ds_str out_tags[] = {DS_STR_INIT("direction:out"), DS_STR_INIT("topic:hello")};
    static const ds_str in_tags[] = {DS_STR_INIT("direction:in"), DS_STR_INIT("topic:hello")};
    ds_config config = DS_CONFIG_INIT; /* what stays zero comes from the environment, or is the default */
    ds_client *client;
    ds_error error;
    ds_edge out, in;
    uint8_t header[DS_HEADER_MAX]; /* travels with the message, under DS_HEADER_KEY */
    size_t header_len;
    ds_pathway pathway;

    config.service = DS_STR("hello");
    if (ds_client_new(&config, &client, &error) != DS_OK) return fprintf(stderr, "%s\n", error.message), 1;
    if (ds_edge_intern(client, out_tags, 2, DS_STR(""), &out) != DS_OK) return 1;
    if (ds_edge_intern(client, in_tags, 2, DS_STR(""), &in) != DS_OK) return 1;

    /* The producer: a new pathway starts (no header, no parent); its header goes into the message. */
    ds_set_checkpoint(client, out, 11, NULL, 0, NULL, NULL, header, sizeof header, &header_len);
    printf("%s: %.*s\n", DS_HEADER_KEY, (int)header_len, (const char *)header);
    /* The consumer, usually another program: the pathway goes on from the header. */
    ds_set_checkpoint(client, in, 11, header, header_len, NULL, &pathway, NULL, 0, NULL);
    printf("%.3f ms in the queue\n", (double)(pathway.edge_start_ns - pathway.start_ns) / 1e6);

    if (ds_client_stop(client, 5000) != DS_OK) fputs("no agent took the statistics\n", stderr);
    ds_client_free(client);
    return 0;
}
