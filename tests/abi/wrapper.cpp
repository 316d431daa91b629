// Every member of datastreams.hpp, instantiated: compiled by every compiler and standard. bindings/c/test runs it.
#include <datastreams.hpp>

#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>

static_assert(!std::is_copy_constructible<datastreams::client>::value, "a client is not copied");
static_assert(std::is_nothrow_move_constructible<datastreams::client>::value, "a client moves");
static_assert(std::is_trivially_copyable<datastreams::pathway>::value, "a pathway is a value");
static_assert(sizeof(datastreams::pathway) == sizeof(ds_pathway), "a pathway is the C value");

#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
      return 1;                                                              \
    }                                                                        \
  } while (0)

int main() {
  auto config = datastreams::config();
  config.service = datastreams::text("wrapper");
  config.delivery = 99;
  auto refused = datastreams::client::make(config);
  CHECK(!refused && refused.status() == DS_ERR_INVALID && std::strstr(refused.message(), "delivery"));

  config.delivery = DS_DELIVERY_HOST;
  auto made = datastreams::client::make(config);
  CHECK(made);
  datastreams::client client = std::move(*made);
  CHECK(client && !*made);
  const auto in = client.intern({"direction:in", "topic:orders", "type:kafka"});
  const auto out = client.intern({"direction:out", "topic:payments", "type:kafka"}, "other");
  CHECK(in && out && in->id != out->id);
  CHECK(!client.intern({}) && client.intern({}).status() == DS_ERR_INVALID);
  CHECK(made->intern({"a:b"}).status() == DS_ERR_NULL);

  datastreams::pathway pathway;
  datastreams::header header;
  CHECK(!pathway && header.empty());
  CHECK(client.consumed(*in, 10, "", pathway) && pathway);
  CHECK(client.produced(*out, 10, pathway, pathway, header) && !header.empty());
  const auto decoded = datastreams::pathway::decode(header.view());
  CHECK(decoded && decoded->hash == pathway.hash);
  const auto text = pathway.encode();
  CHECK(text && text->view() == header.view());
  CHECK(pathway.encode(true) && !datastreams::pathway::decode("?"));
  CHECK(datastreams::pathway::decode({}).status() == DS_ERR_HEADER);
  const ds_pathway both[] = {*decoded, datastreams::pathway()};
  CHECK(datastreams::pathway::merge(both, 2)->hash == pathway.hash);
  ds_options options = DS_OPTIONS_INIT;
  options.now_ns = pathway.edge_start_ns;
  CHECK(client.checkpoint(*in, DS_SIZE_UNKNOWN, options, header.view(), {}, pathway));
  CHECK(client.checkpoint(*out, 0, options, {}, pathway, pathway, &header));
  CHECK(client.track_offset(*in, 0, 5) && client.track_transaction("id", "checkpoint"));

  CHECK(client.flush(std::chrono::seconds(1)));
  const auto next = client.poll();
  CHECK(next && next->count() <= 10000);
  const auto payload = client.take_payload();
  CHECK(payload && payload->id != 0 && payload->body_len > 20);
  CHECK(datastreams::view(payload->path) == "/v0.1/pipeline_stats");
  CHECK(client.settle_payload(payload->id, 202));
  CHECK(client.settle_payload(payload->id, 202) != DS_OK);
  std::uint64_t checkpoints = 0;
  CHECK(client.counters([&](const char *name, std::uint64_t value) {
    if (std::strcmp(name, "checkpoints") == 0) checkpoints = value;
  }));
  CHECK(checkpoints == 4);
  CHECK(client.stop(std::chrono::seconds(1)));
  CHECK(std::strlen(datastreams::status(DS_ERR_EDGE).text()) > 0);
  client = datastreams::client();
  CHECK(!client);
  return 0;
}
