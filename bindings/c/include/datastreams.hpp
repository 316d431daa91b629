// datastreams.hpp - datastreams for C++17: owns the client, takes std::string_view, throws nothing.
//
//   auto config = datastreams::config();
//   config.service = datastreams::text("checkout");
//   auto client = datastreams::client::make(config);
//   if (!client) { log(client.message()); return; }
//   auto in = client->intern({"direction:in", "group:billing", "topic:orders", "type:kafka"});
//   auto out = client->intern({"direction:out", "topic:payments", "type:kafka"});
//   ...
//   datastreams::pathway pathway;                             // one for each message in flight
//   client->consumed(*in, size, header_as_received, pathway);
//   datastreams::header header;
//   client->produced(*out, size, pathway, pathway, header);   // send header.view() under DS_HEADER_KEY
//
// What the functions mean, which errors they have and which threads may call them stands in datastreams.h.
#ifndef DATASTREAMS_HPP
#define DATASTREAMS_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "datastreams.h"

namespace datastreams {

/// A text or some bytes for the C interface, borrowed.
inline ds_str text(std::string_view view) noexcept { return ds_str{view.data(), view.size()}; }

/// A text of the C interface, borrowed.
inline std::string_view view(ds_str text) noexcept {
  return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}

/// A config with nothing set. The texts put into it are borrowed until client::make.
inline ds_config config() noexcept { return DS_CONFIG_INIT; }

/// What a call answers. A dropped one is a compiler warning where that would be a mistake.
class status {
 public:
  constexpr status(ds_status code = DS_OK) noexcept : code_(code) {}
  /// Whether it worked.
  constexpr explicit operator bool() const noexcept { return code_ == DS_OK; }
  /// DS_OK or one of DS_ERR_*.
  constexpr ds_status code() const noexcept { return code_; }
  /// In English; never nullptr.
  const char *text() const noexcept { return ds_status_text(code_); }
  friend constexpr bool operator==(status a, status b) noexcept { return a.code_ == b.code_; }
  friend constexpr bool operator!=(status a, status b) noexcept { return a.code_ != b.code_; }

 private:
  ds_status code_;
};

/// A value, or why there is none. Test it, then use * and ->.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) noexcept : value_(std::move(value)), error_{DS_OK, {}} {}
  result(const ds_error &error) noexcept : value_(), error_(error) {}
  result(datastreams::status status) noexcept : value_(), error_{status.code(), {}} {}
  explicit operator bool() const noexcept { return error_.code == DS_OK; }
  datastreams::status status() const noexcept { return error_.code; }
  /// Why there is no value: the reason that the call gave, else the meaning of its status.
  const char *message() const noexcept {
    return error_.message[0] != '\0' ? error_.message : ds_status_text(error_.code);
  }
  T &operator*() noexcept { return value_; }
  const T &operator*() const noexcept { return value_; }
  T *operator->() noexcept { return &value_; }
  const T *operator->() const noexcept { return &value_; }

 private:
  T value_;
  ds_error error_;
};

/// An interned edge: a value.
using edge = ds_edge;

/// The header of a pathway, as text to send.
class header {
 public:
  /// Empty when there is nothing to send.
  std::string_view view() const noexcept { return std::string_view(bytes_.data(), size_); }
  bool empty() const noexcept { return size_ == 0; }

 private:
  friend class client;
  friend class pathway;
  std::uint8_t *data() noexcept { return reinterpret_cast<std::uint8_t *>(bytes_.data()); }
  std::array<char, DS_HEADER_MAX> bytes_{};
  std::size_t size_ = 0;
};

/// Where a message has been: a value. Made empty, which is no pathway.
class pathway : public ds_pathway {
 public:
  pathway() noexcept : ds_pathway{} {}
  pathway(const ds_pathway &other) noexcept : ds_pathway(other) {}
  /// Whether this is a pathway.
  explicit operator bool() const noexcept { return start_ns != 0; }

  /// Reads a header; now_ns 0 is now, negative takes any time.
  static result<pathway> decode(std::string_view text, std::int64_t now_ns = 0) noexcept {
    pathway out;
    const ds_status code =
        ds_pathway_decode(reinterpret_cast<const std::uint8_t *>(text.data()), text.size(), now_ns, &out);
    return code == DS_OK ? result<pathway>(out) : result<pathway>(datastreams::status(code));
  }

  /// The base64 header, or with binary the bytes for DS_HEADER_KEY_LEGACY.
  result<datastreams::header> encode(bool binary = false) const noexcept {
    datastreams::header out;
    const ds_status code = ds_pathway_encode(this, binary ? 1 : 0, out.data(), DS_HEADER_MAX, &out.size_);
    return code == DS_OK ? result<datastreams::header>(out) : result<datastreams::header>(datastreams::status(code));
  }

  /// Chooses the pathway that goes on where messages become one.
  static result<pathway> merge(const ds_pathway *pathways, std::size_t count) noexcept {
    pathway out;
    const ds_status code = ds_pathway_merge(pathways, count, &out);
    return code == DS_OK ? result<pathway>(out) : result<pathway>(datastreams::status(code));
  }
};

/// Owns a ds_client. Move-only; an empty one (made by default, or moved from) answers DS_ERR_NULL to everything.
/// Its destructor stops without waiting: call stop() first, so that nothing is lost.
class client {
 public:
  client() noexcept = default;
  explicit client(ds_client *owned) noexcept : client_(owned) {}
  client(const client &) = delete;
  client &operator=(const client &) = delete;
  client(client &&other) noexcept : client_(std::exchange(other.client_, nullptr)) {}
  client &operator=(client &&other) noexcept {
    if (this != &other) {
      ds_client_free(client_);
      client_ = std::exchange(other.client_, nullptr);
    }
    return *this;
  }
  ~client() { ds_client_free(client_); }

  static result<client> make(const ds_config &config) noexcept {
    ds_client *made = nullptr;
    ds_error error;
    if (ds_client_new(&config, &made, &error) != DS_OK) return error;
    return client(made);
  }

  /// For the functions of datastreams.h.
  ds_client *get() const noexcept { return client_; }
  explicit operator bool() const noexcept { return client_ != nullptr; }

  result<edge> intern(const std::string_view *tags, std::size_t count, std::string_view service = {}) const noexcept {
    constexpr std::size_t most = 128; // what the library takes
    if (count > most) return status(DS_ERR_INVALID);
    std::array<ds_str, most> texts;
    for (std::size_t i = 0; i < count; ++i) texts[i] = text(tags[i]);
    edge out{};
    const ds_status code = ds_edge_intern(client_, texts.data(), count, text(service), &out);
    return code == DS_OK ? result<edge>(out) : result<edge>(status(code));
  }
  result<edge> intern(std::initializer_list<std::string_view> tags, std::string_view service = {}) const noexcept {
    return intern(tags.begin(), tags.size(), service);
  }

  /// A message with these header bytes (or none) was consumed: after becomes its pathway.
  status consumed(edge at, std::uint64_t size, std::string_view received, pathway &after) const noexcept {
    return ds_set_checkpoint(client_, at, size, bytes(received), received.size(), nullptr, &after, nullptr, 0, nullptr);
  }
  /// A message is produced after `before` (an empty one: a new pathway starts); before and after may be one object.
  status produced(edge at, std::uint64_t size, const pathway &before, pathway &after, header &out) const noexcept {
    return ds_set_checkpoint(client_, at, size, nullptr, 0, &before, &after, out.data(), DS_HEADER_MAX, &out.size_);
  }
  /// Any checkpoint, with options: header when it is readable, else before.
  status checkpoint(edge at, std::uint64_t size, const ds_options &options, std::string_view received,
                    const pathway &before, pathway &after, header *out = nullptr) const noexcept {
    return ds_set_checkpoint_with(client_, at, size, &options, bytes(received), received.size(), &before, &after,
                                  out ? out->data() : nullptr, out ? DS_HEADER_MAX : 0, out ? &out->size_ : nullptr);
  }

  status track_offset(edge backlog, std::int32_t partition, std::int64_t offset) const noexcept {
    return ds_track_offset(client_, backlog, partition, offset);
  }
  status track_transaction(std::string_view id, std::string_view checkpoint, std::int64_t at_ns = 0) const noexcept {
    return ds_track_transaction(client_, text(id), text(checkpoint), at_ns);
  }

  /// Where payloads go; lives as long as the client.
  std::string_view agent_url() const noexcept {
    ds_str url{};
    return ds_client_agent_url(client_, &url) == DS_OK ? std::string_view(url.ptr, url.len) : std::string_view();
  }
  /// Whether it measures: the options or DD_DATA_STREAMS_ENABLED may have switched it off.
  bool enabled() const noexcept {
    std::uint32_t enabled = 0;
    return ds_client_enabled(client_, &enabled) == DS_OK && enabled != 0;
  }
  [[nodiscard]] status flush(std::chrono::milliseconds timeout) const noexcept {
    return ds_client_flush(client_, limit(timeout));
  }
  [[nodiscard]] status stop(std::chrono::milliseconds timeout) const noexcept {
    return ds_client_stop(client_, limit(timeout));
  }
  /// The time until the next poll.
  result<std::chrono::milliseconds> poll(std::int64_t now_ns = 0) const noexcept {
    std::uint32_t next = 0;
    const ds_status code = ds_client_poll(client_, now_ns, &next);
    if (code != DS_OK) return status(code);
    return std::chrono::milliseconds(next);
  }
  /// A payload for a host that delivers itself; its id is 0 when none is due.
  result<ds_payload> take_payload() const noexcept {
    ds_payload out{};
    const ds_status code = ds_client_take_payload(client_, &out);
    if (code != DS_OK) return status(code);
    return out;
  }
  [[nodiscard]] status settle_payload(std::uint64_t id, std::int32_t http_status) const noexcept {
    return ds_client_settle_payload(client_, id, http_status);
  }

  /// Calls f(name, value) for every counter.
  template <class F>
  status counters(F &&f) const {
    std::array<std::uint64_t, 256> values{};
    std::size_t count = 0;
    const ds_status code = ds_client_counters(client_, values.data(), values.size(), &count);
    for (std::size_t i = 0; code == DS_OK && i < count && i < values.size(); ++i) f(ds_counter_name(i), values[i]);
    return code;
  }

 private:
  static const std::uint8_t *bytes(std::string_view text) noexcept {
    return reinterpret_cast<const std::uint8_t *>(text.data());
  }
  static std::uint32_t limit(std::chrono::milliseconds timeout) noexcept {
    const auto count = timeout.count();
    return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(count);
  }

  ds_client *client_ = nullptr;
};

} // namespace datastreams

#endif // DATASTREAMS_HPP
