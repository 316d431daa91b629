// relay BROKERS FROM TO COUNT [PROPERTY]... - consumes messages and produces each again with its headers, by librdkafka++.
#include <cstdlib>
#include <iostream>
#include <librdkafka/rdkafkacpp.h>
#include <memory>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string &why) {
    std::cerr << why << std::endl;
    std::exit(1);
}

std::unique_ptr<RdKafka::Conf> conf(const std::string &brokers, char **properties) {
    std::unique_ptr<RdKafka::Conf> made(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
    std::vector<std::pair<std::string, std::string>> all = {{"bootstrap.servers", brokers},
                                                            {"group.id", "programs"},
                                                            {"auto.offset.reset", "earliest"},
                                                            {"fetch.wait.max.ms", "10"},
                                                            {"log_level", "4"}};
    for (; *properties != nullptr; ++properties) {
        const std::string text = *properties;
        all.emplace_back(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
    }
    std::string error;
    for (const auto &[name, value] : all)
        if (made->set(name, value, error) != RdKafka::Conf::CONF_OK) fail(error);
    return made;
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    std::string error;
    std::unique_ptr<RdKafka::KafkaConsumer> consumer(
        RdKafka::KafkaConsumer::create(conf(argv[1], argv + 5).get(), error));
    if (!consumer) fail(error);
    std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf(argv[1], argv + 5).get(), error));
    if (!producer) fail(error);
    if (const auto refused = consumer->subscribe({argv[2]})) fail(RdKafka::err2str(refused));
    for (int left = std::atoi(argv[4]); left > 0;) {
        std::unique_ptr<RdKafka::Message> message(consumer->consume(100));
        if (message->err() == RdKafka::ERR__TIMED_OUT || message->err() == RdKafka::ERR_UNKNOWN_TOPIC_OR_PART) continue;
        if (message->err()) fail(message->errstr());
        RdKafka::Headers *headers = message->headers() ? RdKafka::Headers::create(message->headers()->get_all()) : nullptr;
        if (const auto refused = producer->produce(argv[3], RdKafka::Topic::PARTITION_UA, RdKafka::Producer::RK_MSG_COPY,
                                                   message->payload(), message->len(), message->key_pointer(),
                                                   message->key_len(), 0, headers, nullptr))
            fail(RdKafka::err2str(refused));
        producer->poll(0);
        --left;
    }
    if (producer->flush(20000)) fail("not all were delivered");
    consumer->close();
}
