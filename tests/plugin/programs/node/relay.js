// relay.js BROKERS FROM TO COUNT [PROPERTY]...: consumes messages and produces each again.
'use strict'

const { KafkaConsumer, Producer } = require('@confluentinc/kafka-javascript')

const [brokers, from, to, count, ...properties] = process.argv.slice(2)
const common = { 'bootstrap.servers': brokers }
for (const property of properties) {
  const at = property.indexOf('=')
  common[property.slice(0, at)] = property.slice(at + 1)
}

const producer = new Producer(common)
const consumer = new KafkaConsumer({ ...common, 'fetch.wait.max.ms': 10 }, { 'auto.offset.reset': 'earliest' })
let left = Number(count)

const fail = (error) => {
  console.error(error)
  process.exit(1)
}

const next = () => {
  consumer.consume(1, (error, messages) => {
    if (error) fail(error)
    for (const message of messages) {
      producer.produce(to, null, message.value, message.key, undefined, undefined, message.headers)
      left--
    }
    if (left > 0) return setImmediate(next)
    producer.flush(20000, (error) => {
      if (error) fail(error)
      consumer.disconnect(() => producer.disconnect())
    })
  })
}

producer.on('event.error', fail)
producer.connect({}, (error) => {
  if (error) fail(error)
  consumer.connect({}, (error) => {
    if (error) fail(error)
    consumer.subscribe([from])
    next()
  })
})
