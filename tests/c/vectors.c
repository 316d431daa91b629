/* The vectors that all languages share, through the C interface. The tables come from vectors.py. */
#include "check.h"

struct hash_vector {
  ds_str service, env, primary_tag, tags[16];
  size_t count;
  uint64_t parent, hash;
};
struct encode_vector {
  ds_pathway pathway;
  ds_str binary, base64;
};
struct decode_vector {
  ds_str bytes;
  int64_t now_ns;
  int good;
  ds_pathway pathway;
};
struct merge_vector {
  ds_pathway pathways[16];
  size_t count;
  ds_pathway result;
};
struct rule_vector {
  ds_str tags[2];
  size_t count;
  int64_t now_ns, queued_ns;
  ds_pathway before, after;
};

#include "vectors.h"

#define EACH(vector, table)                                                                      \
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)                                      \
    for (int once = 1; once;)                                                                    \
      for (vector = &table[i]; once; once = 0)

static void same(const char *table, size_t index, const ds_pathway *left, const ds_pathway *right) {
  if (memcmp(left, right, sizeof *left) == 0) return;
  fprintf(stderr, "%s %zu: %" PRIu64 " from %" PRId64 ", %" PRId64 " is not %" PRIu64 " from %" PRId64 ", %" PRId64 "\n",
          table, index, left->hash, left->start_ns, left->edge_start_ns, right->hash, right->start_ns,
          right->edge_start_ns);
  exit(1);
}

int main(void) {
  size_t checked = 0;
  EACH(const struct hash_vector *vector, hash_vectors) {
    ds_config config = DS_CONFIG_INIT;
    config.service = vector->service;
    config.env = vector->env;
    config.primary_tag = vector->primary_tag;
    config.delivery = DS_DELIVERY_HOST;
    ds_client *client = NULL;
    CHECK_OK(ds_client_new(&config, &client, NULL));
    ds_edge edge;
    CHECK_OK(ds_edge_intern(client, vector->tags, vector->count, DS_STR(""), &edge));
    ds_pathway pathway = {0};
    pathway.hash = vector->parent;
    pathway.start_ns = pathway.edge_start_ns = vector->parent == 0 ? 0 : 1786000000000000000;
    CHECK_OK(ds_set_checkpoint(client, edge, 0, NULL, 0, &pathway, &pathway, NULL, 0, NULL));
    if (pathway.hash != vector->hash) {
      fprintf(stderr, "hash %zu: %" PRIu64 " is not %" PRIu64 "\n", i, pathway.hash, vector->hash);
      return 1;
    }
    ds_client_free(client);
    checked++;
  }

  uint8_t out[DS_HEADER_MAX];
  size_t len = 0;
  EACH(const struct encode_vector *vector, encode_vectors) {
    checked++;
    if (vector->pathway.start_ns <= 0) { /* C is not handed such pathways, and does not send them */
      const ds_status status = vector->pathway.start_ns == 0 ? DS_OK : DS_ERR_INVALID;
      len = 0;
      CHECK_INT(ds_pathway_encode(&vector->pathway, 0, out, sizeof out, &len), status);
      CHECK_INT(len, 0);
      continue;
    }
    CHECK_OK(ds_pathway_encode(&vector->pathway, 0, out, sizeof out, &len));
    CHECK(len == vector->base64.len && memcmp(out, vector->base64.ptr, len) == 0);
    CHECK_OK(ds_pathway_encode(&vector->pathway, 1, out, sizeof out, &len));
    CHECK(len == vector->binary.len && memcmp(out, vector->binary.ptr, len) == 0);
  }
  EACH(const struct decode_vector *vector, decode_vectors) {
    ds_pathway pathway = {0};
    /* In a block of its own size, so that a read behind the end is seen by valgrind and AddressSanitizer. */
    uint8_t *bytes = malloc(vector->bytes.len != 0 ? vector->bytes.len : 1);
    CHECK(bytes != NULL);
    memcpy(bytes, vector->bytes.ptr, vector->bytes.len);
    const ds_status status = ds_pathway_decode(bytes, vector->bytes.len, vector->now_ns, &pathway);
    free(bytes);
    if (status != (vector->good ? DS_OK : DS_ERR_HEADER)) {
      fprintf(stderr, "decode %zu: status %d\n", i, status);
      return 1;
    }
    same("decode", i, &pathway, &vector->pathway);
    checked++;
  }

  EACH(const struct merge_vector *vector, merge_vectors) {
    ds_pathway merged;
    CHECK_OK(ds_pathway_merge(vector->pathways, vector->count, &merged));
    same("merge", i, &merged, &vector->result);
    checked++;
  }
  ds_client *client = client_at(NULL, DS_DELIVERY_HOST);
  EACH(const struct rule_vector *vector, rule_vectors) {
    ds_edge edge;
    CHECK_OK(ds_edge_intern(client, vector->tags, vector->count, DS_STR(""), &edge));
    ds_options options = DS_OPTIONS_INIT;
    options.now_ns = vector->now_ns;
    options.queued_ns = vector->queued_ns;
    ds_pathway after;
    CHECK_OK(ds_set_checkpoint_with(client, edge, 0, &options, NULL, 0, &vector->before, &after, NULL, 0, NULL));
    same("rule", i, &after, &vector->after);
    after = vector->before;
    CHECK_OK(ds_set_checkpoint_with(client, edge, 0, &options, NULL, 0, &after, &after, NULL, 0, NULL));
    same("rule in place", i, &after, &vector->after);
    checked++;
  }
  ds_client_free(client);
  printf("test-c: %zu vectors\n", checked);
  return done();
}
