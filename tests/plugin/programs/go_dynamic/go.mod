// Linked with the system's librdkafka (-tags dynamic): this version of the bindings is the last that takes Debian 12's.
module relay

go 1.24

require github.com/confluentinc/confluent-kafka-go v1.9.2
